"""Copies of the whole database in memory: taken consistently, freed of who was erased, checked, and put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidTag

from uSense.core.errors import RequestError, StorageDamagedError, StorageError
from uSense.storage import layout, sealing, tombstones
from uSense.storage.container import MOST_BYTES
from uSense.storage.keys import Keys
from uSense.storage.tombstones import Tombstone

_TABLES = {
    "persons": "number, person_id, name, folded, user_data, key",
    "faces": "number, face_id, person_id, crop",
    "templates": "number, face_id, model, vectors",
    "renewed": "model",
    "galleries": "version, model, report",
    "gallery_parts": "number, version, person_id, face_ids, vectors",
    "confusable": "number, version, a, b, score",
    "merged": "number, person_id, salt, person, key",
}
"""What is put back, in an order that keeps references whole. Waiting notices are not: what they tell is long past."""
_TEXTS = {
    "persons": "person_id, name, folded, user_data",
    "faces": "face_id, person_id",
    "galleries": "model, report",
    "gallery_parts": "person_id, face_ids",
    "notices": "type, data",
    "untold": "type, about",
}
SEALED = (
    (
        "SELECT faces.number, person_id, crop, 'crop', person_id, face_id FROM faces WHERE crop IS NOT NULL",
        "UPDATE faces SET crop = NULL WHERE number = ?",
    ),
    (
        """SELECT templates.number, person_id, vectors, 'face', person_id, face_id, model
        FROM templates JOIN faces USING (face_id)""",
        "DELETE FROM templates WHERE number = ?",
    ),
    (
        """SELECT gallery_parts.number, person_id, vectors, 'gallery', person_id, version, model
        FROM gallery_parts JOIN galleries USING (version)""",
        "DELETE FROM gallery_parts WHERE number = ?",
    ),
)
"""All that is sealed with a person's key: how it is found, with number, person and what it is bound to, and dropped."""


Rows: TypeAlias = tuple[dict[str, list[tuple[object, ...]]], str]


@dataclass(frozen=True, slots=True)
class Content:
    """A copy as bytes, and what may be known of it."""

    data: bytes
    people: int
    gallery: int


def take(connection: sqlite3.Connection) -> Content:
    """A copy of the database as it is between two transactions; StorageDamagedError if it is not sound.

    Other connections may write meanwhile; notices that wait for the broker, or were not made yet, are left out.
    """
    (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    if pages * size > MOST_BYTES:
        raise StorageError(f"the database has {pages * size / 1e9:.1f} GB: a backup may have one; copy the data folder")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        connection.backup(copy)
        check(copy)
        copy.execute("DELETE FROM notices")
        copy.execute("DELETE FROM untold")
        copy.execute("UPDATE installation SET erasing = 0")
        return _content(copy)


@contextmanager
def opened(data: bytes, source: str) -> Iterator[sqlite3.Connection]:
    """A copy to look into and change, in the present layout; RequestError if it is too new, or anything is unsound.

    Whatever SQLite finds wrong in the block is the copy's fault: nothing else may be read or written there.
    """
    damaged = RequestError(f"the database in {source} is damaged: take another backup", code="bad_file")
    if not data:
        raise damaged
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        try:
            copy.deserialize(data)
            check(copy)
            layout.check_origin(copy, Path(source))
            copy.execute("PRAGMA foreign_keys = ON")
            copy.execute("BEGIN")
            layout.migrate(copy)
            copy.execute("COMMIT")
            if copy.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise damaged
            yield copy
        except (sqlite3.DatabaseError, StorageDamagedError) as error:
            raise damaged from error


def check(connection: sqlite3.Connection) -> None:
    """Raise StorageDamagedError if SQLite finds the database not sound."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise StorageDamagedError(f"the database is damaged ({found})")
    # Text that is not UTF-8 is none of SQLite's business.
    for table, columns in _TEXTS.items():
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            connection.execute(f"SELECT {columns} FROM {table}").fetchall()  # noqa: S608 - the names are ours


def without(data: bytes, source: str, erased: Sequence[Tombstone]) -> tuple[bytes, int] | None:
    """The copy without the persons that were erased, and how many were in it; None if it knows of all of them.

    It gets their tombstones even if it had none of them: so they outlive a database that cannot be read any more.
    """
    with opened(data, source) as copy:
        gone = forget(copy, erased)
        if not gone and set(erased) <= set(tombstones.known(copy)):
            return None
        tombstones.keep(copy, *erased)
        return _content(copy).data, gone


def forget(copy: sqlite3.Connection, erased: Sequence[Tombstone]) -> int:
    """Delete those persons from a copy; returns how many there were."""
    persons = copy.execute("SELECT person_id, key FROM persons").fetchall()
    gone = [(person_id,) for person_id, key in persons if any(one.fits(person_id, key) for one in erased)]
    copy.executemany("DELETE FROM persons WHERE person_id = ?", gone)
    return len(gone)


def verify(copy: sqlite3.Connection, keys: Keys, source: str) -> None:
    """Open everything that is sealed in a copy; RequestError if something is damaged."""
    opens = {}
    try:
        for person_id, wrapped in copy.execute("SELECT person_id, key FROM persons"):
            opens[person_id] = keys.unwrap(wrapped, person_id)
        for find, _ in SEALED:
            for _, person_id, sealed, *about in copy.execute(find):
                sealing.unseal(opens[person_id], sealed, *map(str, about))
    except (InvalidTag, KeyError) as error:
        raise RequestError(f"the faces in {source} are damaged: take another backup", code="bad_file") from error


def rewrap(copy: sqlite3.Connection, before: Keys, after: Keys) -> None:
    """Make the keys of persons in a copy those of another key file."""
    if before == after:
        return
    for person_id, wrapped in copy.execute("SELECT person_id, key FROM persons").fetchall():
        key = after.wrap(before.unwrap(wrapped, person_id), person_id)
        copy.execute("UPDATE persons SET key = ? WHERE person_id = ?", (key, person_id))


def rows(copy: sqlite3.Connection) -> Rows:
    """Everything in a copy that is put back, table by table, and the model in use."""
    (model,) = copy.execute("SELECT max(model) FROM installation").fetchone()
    tables = {
        table: copy.execute(f"SELECT {columns} FROM {table}").fetchall()  # noqa: S608 - the names are ours
        for table, columns in _TABLES.items()
    }
    return tables, model or ""


def put_back(connection: sqlite3.Connection, content: Rows) -> None:
    """Replace all people by those of a copy; to be called in a write transaction."""
    for table in ("persons", "galleries", "renewed"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are ours
    tables, model = content
    for table, columns in _TABLES.items():
        holes = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({holes})", tables[table])  # noqa: S608 - the same
    connection.execute("UPDATE installation SET model = ? WHERE model = ''", (model,))
    # The trainings of these galleries were told when they were made.
    connection.execute("DELETE FROM untold WHERE type = 'train.finished'")


def _content(copy: sqlite3.Connection) -> Content:
    (people,), (gallery,) = (
        copy.execute(question).fetchone()
        for question in ("SELECT count(*) FROM persons", "SELECT coalesce(max(version), 0) FROM galleries")
    )
    copy.execute("VACUUM")  # leaves no unused parts, and no mark of the write-ahead log, which memory has none of
    return Content(copy.serialize(), people, gallery)
