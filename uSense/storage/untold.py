"""What was done and not yet put into the journal: the database itself keeps account of it, in the same transaction.

A process that dies between a training, an erasure or a merge and its notice would otherwise never tell it. What is
noted of a person who is gone is what their receipt holds, which waits in the journal next: their id, and numbers. It
leaves in the transaction that puts the receipt there, and is in no backup.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from uSense.core.events import Notice
from uSense.core.models import Erasure
from uSense.core.receipts import erasure_data
from uSense.storage import tombstones
from uSense.storage.trouble import parsing
from uSense.times import rfc3339

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
GONE = {"person.erased", "person.merged"}
"""Kinds that are about somebody who is no more; `about` is JSON, and of a training its gallery's version."""


class Deed(NamedTuple):
    """What a notice is about."""

    type: str
    about: str


class Row(NamedTuple):
    """What was done, and what is known of it."""

    deed: Deed
    data: dict[str, Any]


def note(connection: sqlite3.Connection, kind: str, data: Mapping[str, Any]) -> None:
    """Keep account of something that happens to a person in this transaction."""
    about = json.dumps({"at": rfc3339(time.time()), **data})
    connection.execute("INSERT INTO untold (type, about) VALUES (?, ?)", (kind, about))


def deed(notice: Notice) -> Deed:
    """What the notice is about."""
    field = "person_id" if notice.type in GONE else "gallery"
    return Deed(notice.type, str(notice.data.get(field)).encode(errors="replace").decode())


def tell(connection: sqlite3.Connection, notice: Notice) -> bool:
    """The notice is put into the journal now; False if another process, which had waited long enough, did that."""
    done = deed(notice)
    if notice.type == "gallery.renewed":
        connection.execute("DELETE FROM untold WHERE type = 'train.finished'")
    elif notice.type == "train.finished":
        connection.execute("DELETE FROM untold WHERE type = ? AND about = ?", done)
    elif notice.type in GONE:
        told = [(number,) for number, row in _rows(connection) if row.deed == done]
        connection.executemany("DELETE FROM untold WHERE number = ?", told)
        return bool(told) or not tombstones.gone(connection, done.about)
    return True


def rows(connection: sqlite3.Connection) -> list[Row]:
    """Everything that is not in the journal, oldest first."""
    return [row for _, row in _rows(connection)]


def late(row: Row, left: tuple[str, ...]) -> Notice:
    """The notice of it, by another process; `left` is what no erasure reaches in this data folder, as it is now."""
    data = row.data
    if row.deed.type == "person.erased":
        # Some backups may have been freed of the person by the process that died, others by this one.
        with parsing():
            erasure = replace(Erasure(**data["erased"]), backups=None, left=left)
        data = {**data, **erasure_data(erasure)}
    return Notice(row.deed.type, data, lasting=True)


def of_people(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """What is to be kept of it when the database is lost: all that can be told."""
    kept = []
    for kind, about in connection.execute("SELECT type, about FROM untold ORDER BY number").fetchall():
        with suppress(sqlite3.Error), parsing():
            if kind in GONE:
                late(_row(connection, kind, about), ())
                kept.append((kind, about))
    return kept


def keep(connection: sqlite3.Connection, saved: Sequence[tuple[str, str]]) -> None:
    """Put that into another database."""
    connection.executemany("INSERT INTO untold (type, about) VALUES (?, ?)", saved)


def _rows(connection: sqlite3.Connection) -> list[tuple[int, Row]]:
    found = connection.execute("SELECT number, type, about FROM untold ORDER BY number").fetchall()
    with parsing():
        return [(number, _row(connection, kind, about)) for number, kind, about in found]


def _row(connection: sqlite3.Connection, kind: str, about: str) -> Row:
    if kind in GONE:
        data = dict(json.loads(about))
        return Row(Deed(kind, data["person_id"]), data)
    report = connection.execute("SELECT report FROM galleries WHERE version = ?", (about,)).fetchone()
    known = {} if report is None else dict(json.loads(report[0]))
    kept = {name: known[name] for name in ("persons", "faces", "seconds") if name in known}
    return Row(Deed(kind, about), {"state": "succeeded", "gallery": int(about), **kept})
