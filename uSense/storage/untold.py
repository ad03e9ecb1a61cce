"""What was done and not yet put into the journal: the database itself keeps account of it, in the same transaction.

A process that dies between an act and its notice would otherwise never tell that act.
"""

from __future__ import annotations

import json
import sqlite3

from uSense.core.events import Notice
from uSense.storage.trouble import parsing

SCHEMA = (
    """CREATE TABLE untold (
        number INTEGER PRIMARY KEY,
        type TEXT NOT NULL,
        about TEXT NOT NULL
    ) STRICT""",
    """CREATE TRIGGER erasure_is_untold AFTER DELETE ON persons BEGIN
        INSERT INTO untold (type, about) VALUES ('person.erased', OLD.person_id);
    END""",
    """CREATE TRIGGER training_is_untold AFTER INSERT ON galleries BEGIN
        INSERT INTO untold (type, about) VALUES ('train.finished', NEW.version);
    END""",
)
_ABOUT = {
    "person.erased": ("person.erased", "person_id"),
    "person.merged": ("person.erased", "person_id"),
    "train.finished": ("train.finished", "gallery"),
}
"""What a notice tells, by its type: the type of what is untold, and the field that says what it is about."""


def tell(connection: sqlite3.Connection, notice: Notice) -> None:
    """The notice is in the journal now: what it is about is told."""
    if notice.type == "gallery.renewed":
        connection.execute("DELETE FROM untold WHERE type = 'train.finished'")
    elif (known := _ABOUT.get(notice.type)) is not None:
        kind, field = known
        about = str(notice.data.get(field)).encode(errors="replace").decode()
        connection.execute("DELETE FROM untold WHERE type = ? AND about = ?", (kind, about))


def notices(connection: sqlite3.Connection) -> list[Notice]:
    """A notice for everything that a process, which is no more, did not come to tell."""
    rows = connection.execute("SELECT type, about FROM untold ORDER BY number").fetchall()
    return [Notice(kind, _data(connection, kind, about), lasting=True) for kind, about in rows]


def _data(connection: sqlite3.Connection, kind: str, about: str) -> dict[str, object]:
    if kind == "person.erased":
        return {"person_id": about}
    row = connection.execute("SELECT report FROM galleries WHERE version = ?", (about,)).fetchone()
    with parsing():
        known = {} if row is None else dict(json.loads(row[0]))
    kept = {name: known[name] for name in ("persons", "faces", "seconds") if name in known}
    return {"state": "succeeded", "gallery": int(about), **kept}
