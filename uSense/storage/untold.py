"""What was done and not yet put into the journal: the database itself keeps account of it, in the same transaction.

A process that dies between a training and its notice would otherwise never tell it. Erasures are not among this: the
account would keep the id of somebody who is to leave no trace, in the file and in its backups.
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
    """CREATE TRIGGER training_is_untold AFTER INSERT ON galleries BEGIN
        INSERT INTO untold (type, about) VALUES ('train.finished', NEW.version);
    END""",
)


def tell(connection: sqlite3.Connection, notice: Notice) -> None:
    """The notice is in the journal now: what it is about is told."""
    if notice.type == "gallery.renewed":
        connection.execute("DELETE FROM untold WHERE type = 'train.finished'")
    elif notice.type == "train.finished":
        about = str(notice.data.get("gallery")).encode(errors="replace").decode()
        connection.execute("DELETE FROM untold WHERE type = 'train.finished' AND about = ?", (about,))


def notices(connection: sqlite3.Connection) -> list[Notice]:
    """A notice for everything that a process, which is no more, did not come to tell."""
    rows = connection.execute("SELECT type, about FROM untold ORDER BY number").fetchall()
    return [Notice(kind, _data(connection, about), lasting=True) for kind, about in rows]


def _data(connection: sqlite3.Connection, about: str) -> dict[str, object]:
    row = connection.execute("SELECT report FROM galleries WHERE version = ?", (about,)).fetchone()
    with parsing():
        known = {} if row is None else dict(json.loads(row[0]))
    kept = {name: known[name] for name in ("persons", "faces", "seconds") if name in known}
    return {"state": "succeeded", "gallery": int(about), **kept}
