"""Persons: what is done inside one transaction."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from uSense.core.errors import ConflictError, NotFoundError
from uSense.core.models import Erasure, Person
from uSense.core.names import clean_name, clean_user_data, folded_name
from uSense.storage import sealing, tombstones, untold
from uSense.storage.keys import Keys, intact
from uSense.storage.redaction import redact
from uSense.storage.tombstones import Tombstone
from uSense.storage.trouble import parsing


def everybody(connection: sqlite3.Connection) -> list[Person]:
    """All persons by name; `trained` compares with the newest gallery version of the model in use."""
    used = model_in_use(connection)
    kept: dict[str, dict[str, tuple[bool, bool]]] = defaultdict(dict)
    for person_id, face_id, fits, renewable in connection.execute(
        "SELECT person_id, face_id, EXISTS (SELECT 1 FROM templates WHERE templates.face_id = faces.face_id AND "
        "model = ?), crop IS NOT NULL FROM faces ORDER BY number",
        (used,),
    ):
        kept[person_id][face_id] = bool(fits), bool(renewable)
    parts = connection.execute(
        "SELECT person_id, face_ids FROM gallery_parts WHERE version = "
        "(SELECT max(version) FROM galleries WHERE model = ?)",
        (used,),
    )
    with parsing():
        known = {person_id: set(json.loads(face_ids)) for person_id, face_ids in parts}
    return [
        _seen(Person(person_id, name, user_data), kept[person_id], known.get(person_id), used)
        for person_id, name, user_data in connection.execute(
            "SELECT person_id, name, user_data FROM persons ORDER BY folded"
        )
    ]


def _seen(person: Person, faces: Mapping[str, tuple[bool, bool]], known: set[str] | None, used: str) -> Person:
    """The person with their faces, each with whether it has a template of the model in use, and whether a crop."""
    fit = {face_id for face_id, (fits, _) in faces.items() if fits}
    waiting = any(renewable and not fits for fits, renewable in faces.values())
    return replace(
        person,
        face_ids=tuple(faces),
        trained=bool(fit) and known == fit and not waiting,
        enroll_again=bool(used and faces) and not fit and not waiting,
    )


def model_in_use(connection: sqlite3.Connection) -> str:
    """The model whose templates and galleries count; empty before the first training."""
    row = connection.execute("SELECT model FROM installation").fetchone()
    newest = connection.execute("SELECT model FROM galleries ORDER BY version DESC LIMIT 1").fetchone()
    return str((row and row[0]) or (newest and newest[0]) or "")


def use(connection: sqlite3.Connection, model: str) -> None:
    """From now on `model` is the one in use."""
    connection.execute("UPDATE installation SET model = ?", (model,))


def create(connection: sqlite3.Connection, keys: Keys, name: str, user_data: str, person_id: str = "") -> Person:
    """Add a person with a key of their own, under a new id unless one is given."""
    person = Person(person_id or str(uuid.uuid4()), clean_name(name), clean_user_data(user_data))
    _claim(connection, person.name, person.person_id)
    connection.execute(
        "INSERT INTO persons (person_id, name, folded, user_data, key) VALUES (?, ?, ?, ?, ?)",
        (
            person.person_id,
            person.name,
            folded_name(person.name),
            person.user_data,
            keys.wrap(sealing.new_key(), person.person_id),
        ),
    )
    return person


def update(connection: sqlite3.Connection, person_id: str, name: str | None, user_data: str | None) -> Person:
    """Change what is given."""
    require(connection, person_id)
    if name is not None:
        name = clean_name(name)
        _claim(connection, name, person_id)
        connection.execute(
            "UPDATE persons SET name = ?, folded = ? WHERE person_id = ?", (name, folded_name(name), person_id)
        )
    if user_data is not None:
        connection.execute(
            "UPDATE persons SET user_data = ? WHERE person_id = ?", (clean_user_data(user_data), person_id)
        )
    return next(person for person in everybody(connection) if person.person_id == person_id)


def delete(connection: sqlite3.Connection, person_id: str) -> Erasure:
    """Erase a person: their key, faces, parts of galleries and mentions in notices; a tombstone remains.

    So does what the receipt needs, until the receipt is in the journal.
    """
    name, wrapped = require(connection, person_id)
    (faces, crops, templates, galleries) = connection.execute(
        "SELECT count(*), count(crop), "
        "(SELECT count(*) FROM templates JOIN faces USING (face_id) WHERE person_id = :person), "
        "(SELECT count(*) FROM gallery_parts WHERE person_id = :person) FROM faces WHERE person_id = :person",
        {"person": person_id},
    ).fetchone()
    former = connection.execute("SELECT salt, person, key FROM merged WHERE person_id = ?", (person_id,)).fetchall()
    tombstones.keep(connection, tombstones.of(person_id, wrapped), *(Tombstone(*row) for row in former))
    connection.execute("DELETE FROM persons WHERE person_id = ?", (person_id,))
    notices = redact(connection, person_id, name)
    erased = {"faces": faces, "templates": templates, "crops": crops, "galleries": galleries, "notices": notices}
    untold.note(connection, "person.erased", {"person_id": person_id, "erased": erased})
    return Erasure(**erased)


def require(connection: sqlite3.Connection, person_id: str) -> tuple[str, bytes]:
    """Name and wrapped key of a person; raises NotFoundError."""
    row: tuple[str, bytes] | None = connection.execute(
        "SELECT name, key FROM persons WHERE person_id = ?", (bindable(person_id),)
    ).fetchone()
    if row is None:
        raise NotFoundError("person", person_id)
    return row


def opened(connection: sqlite3.Connection, keys: Keys, person_id: str) -> bytes:
    """The person's key; raises NotFoundError, and StorageError if it was changed."""
    name, wrapped = require(connection, person_id)
    with intact(name):
        return keys.unwrap(wrapped, person_id)


def bindable(text: str) -> str:
    """The text as SQLite can bind it: JSON can carry half a surrogate pair; no id has one."""
    return text.encode(errors="replace").decode()


def _claim(connection: sqlite3.Connection, name: str, person_id: str) -> None:
    taken = connection.execute(
        "SELECT name FROM persons WHERE folded = ? AND person_id != ?", (folded_name(name), person_id)
    ).fetchone()
    if taken is not None:
        raise ConflictError(f"there is already a person called {taken[0]!r}", code="name_taken")
