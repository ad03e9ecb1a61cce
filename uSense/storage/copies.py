"""Copies of the whole database in memory: taken consistently, freed of who was erased, checked, and put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidTag

from uSense.core.errors import RequestError, StorageDamagedError, StorageError
from uSense.storage import layout, owners, sealing, tombstones
from uSense.storage.container import MOST_BYTES
from uSense.storage.keys import Keys
from uSense.storage.owners import Owner
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
    "rejections": "number, rejection_id, person_id, model, metric, vector",
    "pages": "number, person_id, page",
    "served_groups": "number, kind, group_id, uid, name, user_data, model, training",
    "served_persons": "number, person_id, group_number, name, user_data, key",
    "served_faces": "number, face_id, person_id, user_data, crop",
    "served_templates": "number, face_id, model, vectors",
    "served_galleries": "number, group_number, model, mark",
    "served_parts": "number, mark, person_id, vectors",
}
"""What is put back, in an order that keeps references whole. Waiting notices are not: what they tell is long past."""
_TWINS = {
    "twin_persons": "account, person_id, remote_id, remote_name",
    "twin_faces": "account, person_id, face_id, remote_id, trained",
    "twin_orphans": "account, remote_id",
    "twin_reports": "account, report",
    "twin_notes": "account, key, value",
}
"""What is put back only of accounts that nothing is known of here: anything else is newer than the copy."""
_TEXTS = {
    "persons": "person_id, name, folded, user_data",
    "faces": "face_id, person_id",
    "galleries": "model, report",
    "gallery_parts": "person_id, face_ids",
    "notices": "type, data",
    "untold": "type, about",
    "visitors": "visitor_id, cameras, event_ids",
    "visitor_faces": "visitor_id, model, metric",
    "happenings": "kind, camera, person_id, visitor_id, detail",
    "rejections": "rejection_id, person_id, model, metric",
    "pages": "person_id, page",
    "served_groups": "kind, group_id, uid, name, user_data, model, training",
    "served_persons": "person_id, name, user_data",
    "served_faces": "face_id, person_id, user_data",
    "served_galleries": "model, mark",
    "served_parts": "mark, person_id",
    **_TWINS,
}
SEALED = (
    (
        "SELECT faces.number, 0, person_id, crop, 'crop', person_id, face_id FROM faces WHERE crop IS NOT NULL",
        "UPDATE faces SET crop = NULL WHERE number = ?",
    ),
    (
        """SELECT templates.number, 0, person_id, vectors, 'face', person_id, face_id, model
        FROM templates JOIN faces USING (face_id)""",
        "DELETE FROM templates WHERE number = ?",
    ),
    (
        """SELECT gallery_parts.number, 0, person_id, vectors, 'gallery', person_id, version, model
        FROM gallery_parts JOIN galleries USING (version)""",
        "DELETE FROM gallery_parts WHERE number = ?",
    ),
    (
        "SELECT number, 0, person_id, vector, 'rejected', person_id, rejection_id, model FROM rejections",
        "DELETE FROM rejections WHERE number = ?",
    ),
    (
        """SELECT number, 1, person_id, crop, 'served crop', person_id, face_id
        FROM served_faces WHERE crop IS NOT NULL""",
        "UPDATE served_faces SET crop = NULL WHERE number = ?",
    ),
    (
        """SELECT served_templates.number, 1, person_id, vectors, 'served face', person_id, face_id, model
        FROM served_templates JOIN served_faces USING (face_id)""",
        "DELETE FROM served_templates WHERE number = ?",
    ),
    (
        """SELECT served_parts.number, 1, person_id, vectors, 'served gallery', person_id, mark, model
        FROM served_parts JOIN served_galleries USING (mark)""",
        "DELETE FROM served_parts WHERE number = ?",
    ),
)
"""All that is sealed with a person's key: how it is found, with number, owner and what it is bound to, and dropped."""


Tables: TypeAlias = dict[str, list[tuple[object, ...]]]
Rows: TypeAlias = tuple[Tables, str]


@dataclass(frozen=True, slots=True)
class Content:
    """A copy as bytes, and what may be known of it."""

    data: bytes
    people: int
    served: int
    gallery: int


def take(connection: sqlite3.Connection) -> Content:
    """A copy of the database as it is between two transactions; StorageDamagedError if it is not sound.

    Other connections may write meanwhile; notices that wait for the broker, or were not made yet, are left out, and so
    are visitors and what happened: what is kept for days needs no backup.
    """
    (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    if pages * size > MOST_BYTES:
        raise StorageError(f"the database has {pages * size / 1e9:.1f} GB: a backup may have one; copy the data folder")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        connection.backup(copy)
        check(copy)
        copy.execute("DELETE FROM notices")
        copy.execute("DELETE FROM untold")
        copy.execute("PRAGMA foreign_keys = ON")
        copy.execute("DELETE FROM happenings")
        copy.execute("DELETE FROM visitors")
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
        gone = owners.forget(copy, erased)
        if not gone and set(erased) <= set(tombstones.known(copy)):
            return None
        tombstones.keep(copy, *erased)
        return _content(copy).data, gone


def verify(copy: sqlite3.Connection, keys: Keys, source: str) -> None:
    """Open everything that is sealed in a copy; RequestError if something is damaged."""
    try:
        opens = {owner: keys.unwrap(key, owner.person_id) for owner, key in owners.wrapped(copy).items()}
        for find, _ in SEALED:
            for _, served, person_id, sealed, *about in copy.execute(find):
                sealing.unseal(opens[Owner(bool(served), person_id)], sealed, *map(str, about))
    except (InvalidTag, KeyError) as error:
        raise RequestError(f"the faces in {source} are damaged: take another backup", code="bad_file") from error


def rewrap(copy: sqlite3.Connection, before: Keys, after: Keys) -> None:
    """Make the keys of persons in a copy those of another key file."""
    if before == after:
        return
    keys = owners.wrapped(copy)
    owners.set_keys(
        copy,
        {owner: after.wrap(before.unwrap(key, owner.person_id), owner.person_id) for owner, key in keys.items()},
    )


def rows(connection: sqlite3.Connection) -> Rows:
    """Everything in a copy that is put back, table by table, and the model in use."""
    (model,) = connection.execute("SELECT max(model) FROM installation").fetchone()
    return _read(connection, _TABLES | _TWINS), model or ""


def put_back(connection: sqlite3.Connection, content: Rows) -> None:
    """Replace all people by those of a copy; to be called in a write transaction."""
    twins = _read(connection, _TWINS)
    for table in ("persons", "galleries", "renewed", "served_groups"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are ours
    tables, model = content
    for table, columns in _TABLES.items():
        _insert(connection, table, columns, tables[table])
    _put_back_twins(connection, twins, tables)
    connection.execute("UPDATE installation SET model = ? WHERE model = ''", (model,))
    # The trainings of these galleries were told when they were made.
    connection.execute("DELETE FROM untold WHERE type = 'train.finished'")


def _put_back_twins(connection: sqlite3.Connection, here: Tables, copied: Tables) -> None:
    """Keep what was known `here`, of persons who are still there; of other accounts take what the copy knows."""
    known = {account for rows in here.values() for account, *_ in rows}
    persons, faces = (
        {one for (one,) in connection.execute(query)}
        for query in ("SELECT person_id FROM persons", "SELECT face_id FROM faces")
    )
    kept = {
        "twin_persons": [row for row in here["twin_persons"] if row[1] in persons],
        "twin_faces": [row for row in here["twin_faces"] if row[1] in persons and row[2] in faces],
    }
    for table, columns in _TWINS.items():
        _insert(connection, table, columns, kept.get(table, []))
        _insert(connection, table, columns, [row for row in copied[table] if row[0] not in known])
    connection.execute(
        "DELETE FROM twin_orphans WHERE (account, remote_id) IN (SELECT account, remote_id FROM twin_persons)"
    )


def _read(connection: sqlite3.Connection, tables: Mapping[str, str]) -> Tables:
    return {
        table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608 - the names are ours
        for table, columns in tables.items()
    }


def _insert(connection: sqlite3.Connection, table: str, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
    holes = ", ".join("?" * len(columns.split(",")))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({holes})", rows)  # noqa: S608 - the names are ours


def _content(copy: sqlite3.Connection) -> Content:
    people, served, gallery = copy.execute(
        "SELECT (SELECT count(*) FROM persons), (SELECT count(*) FROM served_persons), "
        "(SELECT coalesce(max(version), 0) FROM galleries)"
    ).fetchone()
    copy.execute("VACUUM")  # leaves no unused parts, and no mark of the write-ahead log, which memory has none of
    return Content(copy.serialize(), people, served, gallery)
