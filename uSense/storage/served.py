"""Served groups and their persons: what is done inside one transaction."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import defaultdict
from dataclasses import asdict
from typing import Literal

from uSense.core.errors import NotFoundError
from uSense.core.groups import (
    MOST_BYTES,
    MOST_GROUPS,
    MOST_PERSONS,
    FullError,
    Group,
    GroupExistsError,
    GroupKey,
    GroupKind,
    GroupPerson,
    GroupTraining,
)
from uSense.storage import sealing, tombstones
from uSense.storage.keys import Keys, intact
from uSense.storage.people import bindable
from uSense.storage.trouble import parsing


def create_group(connection: sqlite3.Connection, group: Group) -> None:
    """Add an empty group."""
    kind, group_id = group.key
    if connection.execute("SELECT 1 FROM served_groups WHERE kind = ? AND group_id = ?", group.key).fetchone():
        raise GroupExistsError(group.key)
    (there,) = connection.execute("SELECT count(*) FROM served_groups WHERE kind = ?", (kind,)).fetchone()
    if there >= MOST_GROUPS:
        raise FullError("groups", f"there are {there} of this kind")
    connection.execute(
        "INSERT INTO served_groups (kind, group_id, uid, name, user_data, model, training) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            kind,
            group_id,
            str(uuid.uuid4()),
            bindable(group.name),
            _text(group.user_data),
            bindable(group.model),
            _written(GroupTraining()),
        ),
    )


def group(connection: sqlite3.Connection, key: GroupKey) -> Group:
    """One group."""
    number = require_group(connection, key)
    row = connection.execute("SELECT name, user_data, model FROM served_groups WHERE number = ?", (number,)).fetchone()
    return Group(key, *row)


def update_group(connection: sqlite3.Connection, key: GroupKey, name: str | None, user_data: str | None) -> None:
    """Change what is given."""
    connection.execute(
        "UPDATE served_groups SET name = coalesce(?, name), user_data = coalesce(?, user_data) WHERE number = ?",
        (_text(name), _text(user_data), require_group(connection, key)),
    )


def delete_group(connection: sqlite3.Connection, key: GroupKey) -> int:
    """Erase a group and its persons, of all of whom one tombstone remains; returns how many they were."""
    number = require_group(connection, key)
    (uid,) = connection.execute("SELECT uid FROM served_groups WHERE number = ?", (number,)).fetchone()
    persons = _persons(connection, number)
    tombstones.keep(connection, tombstones.of_served(connection, uid, uid.encode()))
    connection.execute("DELETE FROM served_groups WHERE number = ?", (number,))
    return persons


def groups(connection: sqlite3.Connection, kind: GroupKind, start: str, top: int) -> list[Group]:
    """The next groups of a kind behind the id `start`."""
    rows = connection.execute(
        "SELECT group_id, name, user_data, model FROM served_groups WHERE kind = ? AND group_id > ? "
        "ORDER BY group_id LIMIT ?",
        (kind, bindable(start), top),
    )
    return [Group(GroupKey(kind, group_id), *row) for group_id, *row in rows]


def training(connection: sqlite3.Connection, key: GroupKey) -> GroupTraining:
    """State of the last training."""
    number = require_group(connection, key)
    (written,) = connection.execute("SELECT training FROM served_groups WHERE number = ?", (number,)).fetchone()
    with parsing():
        return GroupTraining(**json.loads(written))


def set_training(connection: sqlite3.Connection, key: GroupKey, state: GroupTraining) -> None:
    """Keep the state of a training."""
    number = require_group(connection, key)
    connection.execute("UPDATE served_groups SET training = ? WHERE number = ?", (_written(state), number))


def create_person(connection: sqlite3.Connection, keys: Keys, key: GroupKey, name: str, user_data: str | None) -> str:
    """Add a person with a key of their own; returns their id."""
    number = require_group(connection, key)
    if _persons(connection, number) >= MOST_PERSONS:
        raise FullError("persons", f"there are {MOST_PERSONS} in the group {key.group_id!r}")
    require_room(connection, "persons")
    person_id = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO served_persons (person_id, group_number, name, user_data, key) VALUES (?, ?, ?, ?, ?)",
        (person_id, number, bindable(name), _text(user_data), keys.wrap(sealing.new_key(), person_id)),
    )
    return person_id


def person(connection: sqlite3.Connection, key: GroupKey, person_id: str) -> GroupPerson:
    """One person."""
    require_person(connection, key, person_id)
    name, user_data = connection.execute(
        "SELECT name, user_data FROM served_persons WHERE person_id = ?", (person_id,)
    ).fetchone()
    rows = connection.execute("SELECT face_id FROM served_faces WHERE person_id = ? ORDER BY number", (person_id,))
    return GroupPerson(person_id, name, user_data, tuple(face_id for (face_id,) in rows))


def persons(connection: sqlite3.Connection, key: GroupKey, start: str, top: int) -> list[GroupPerson]:
    """The next persons of a group behind the id `start`."""
    rows = connection.execute(
        "SELECT person_id, name, user_data FROM served_persons WHERE group_number = ? AND person_id > ? "
        "ORDER BY person_id LIMIT ?",
        (require_group(connection, key), bindable(start), top),
    ).fetchall()
    if not rows:
        return []
    faces: dict[str, list[str]] = defaultdict(list)
    for person_id, face_id in connection.execute(
        "SELECT person_id, face_id FROM served_faces JOIN served_persons USING (person_id) "
        "WHERE group_number = ? AND person_id BETWEEN ? AND ? ORDER BY served_faces.number",
        (require_group(connection, key), rows[0][0], rows[-1][0]),
    ):
        faces[person_id].append(face_id)
    return [GroupPerson(person_id, name, user_data, tuple(faces[person_id])) for person_id, name, user_data in rows]


def update_person(
    connection: sqlite3.Connection, key: GroupKey, person_id: str, name: str | None, user_data: str | None
) -> None:
    """Change what is given."""
    require_person(connection, key, person_id)
    connection.execute(
        "UPDATE served_persons SET name = coalesce(?, name), user_data = coalesce(?, user_data) WHERE person_id = ?",
        (_text(name), _text(user_data), person_id),
    )


def delete_person(connection: sqlite3.Connection, key: GroupKey, person_id: str) -> None:
    """Erase a person; a tombstone remains."""
    _, wrapped = require_person(connection, key, person_id)
    tombstones.keep(connection, tombstones.of_served(connection, person_id, wrapped))
    connection.execute("DELETE FROM served_persons WHERE person_id = ?", (person_id,))


def require_room(connection: sqlite3.Connection, kind: Literal["persons", "faces"]) -> None:
    """Raise FullError if the database is as large as served groups may make it."""
    pages, unused, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    if (pages - unused) * size >= MOST_BYTES:
        raise FullError(kind, f"the database has {MOST_BYTES >> 20} MiB")


def require_group(connection: sqlite3.Connection, key: GroupKey) -> int:
    """Its row; raises NotFoundError."""
    row = connection.execute(
        "SELECT number FROM served_groups WHERE kind = ? AND group_id = ?", (key.kind, bindable(key.group_id))
    ).fetchone()
    if row is None:
        raise NotFoundError("group", key.group_id)
    return int(row[0])


def require_person(connection: sqlite3.Connection, key: GroupKey, person_id: str) -> tuple[str, bytes]:
    """Name and wrapped key of a person of the group; raises NotFoundError."""
    row: tuple[str, bytes] | None = connection.execute(
        "SELECT name, key FROM served_persons WHERE group_number = ? AND person_id = ?",
        (require_group(connection, key), bindable(person_id)),
    ).fetchone()
    if row is None:
        raise NotFoundError("person", person_id)
    return row


def opened(connection: sqlite3.Connection, keys: Keys, key: GroupKey, person_id: str) -> bytes:
    """The person's key; raises NotFoundError, and StorageError if it was changed."""
    name, wrapped = require_person(connection, key, person_id)
    with intact(name):
        return keys.unwrap(wrapped, person_id)


def _persons(connection: sqlite3.Connection, number: int) -> int:
    (there,) = connection.execute("SELECT count(*) FROM served_persons WHERE group_number = ?", (number,)).fetchone()
    return int(there)


def _written(state: GroupTraining) -> str:
    return json.dumps(asdict(state))


def _text(text: str | None) -> str | None:
    return None if text is None else bindable(text)
