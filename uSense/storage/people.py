"""Persons and their faces: what is done inside one transaction."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from uSense.core.errors import ConflictError, NotFoundError
from uSense.core.models import Person, Vector
from uSense.core.names import clean_name, clean_user_data, folded_name
from uSense.ports import Template
from uSense.storage import sealing
from uSense.storage.keys import Keys, intact


def everybody(connection: sqlite3.Connection) -> list[Person]:
    """All persons by name; `trained` compares with the newest gallery version of all models."""
    kept: dict[str, dict[str, str]] = defaultdict(dict)
    for person_id, face_id, model in connection.execute("SELECT person_id, face_id, model FROM faces ORDER BY number"):
        kept[person_id][face_id] = model
    newest = connection.execute("SELECT version, model FROM galleries ORDER BY version DESC LIMIT 1").fetchone()
    version, used = newest or (0, "")
    parts = connection.execute("SELECT person_id, face_ids FROM gallery_parts WHERE version = ?", (version,))
    known = {person_id: set(json.loads(face_ids)) for person_id, face_ids in parts}
    people = []
    for person_id, name, user_data in connection.execute(
        "SELECT person_id, name, user_data FROM persons ORDER BY folded"
    ):
        faces = kept[person_id]
        fit = {face_id for face_id, model in faces.items() if model == used}
        trained = bool(fit) and known.get(person_id) == fit
        people.append(Person(person_id, name, user_data, tuple(faces), trained))
    return people


def create(connection: sqlite3.Connection, keys: Keys, name: str, user_data: str) -> Person:
    """Add a person with a key of their own."""
    person = Person(str(uuid.uuid4()), clean_name(name), clean_user_data(user_data))
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
    _require(connection, person_id)
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


def delete(connection: sqlite3.Connection, person_id: str) -> None:
    """Delete the person's row, and by it their key, faces and parts of galleries."""
    _require(connection, person_id)
    connection.execute("DELETE FROM persons WHERE person_id = ?", (person_id,))


def add_face(connection: sqlite3.Connection, keys: Keys, person_id: str, model: str, vectors: Sequence[Vector]) -> str:
    """Keep one face's vectors; returns its id."""
    name, wrapped = _require(connection, person_id)
    face_id = str(uuid.uuid4())
    with intact(name):
        key = keys.unwrap(wrapped, person_id)
    sealed = sealing.seal_vectors(key, np.stack(vectors), "face", person_id, face_id, model)
    connection.execute(
        "INSERT INTO faces (face_id, person_id, model, vectors) VALUES (?, ?, ?, ?)",
        (face_id, person_id, model, sealed),
    )
    return face_id


def delete_face(connection: sqlite3.Connection, person_id: str, face_id: str) -> None:
    """Drop one face."""
    _require(connection, person_id)
    dropped = connection.execute(
        "DELETE FROM faces WHERE person_id = ? AND face_id = ?", (person_id, _bindable(face_id))
    )
    if not dropped.rowcount:
        raise NotFoundError("face", face_id)


def templates(connection: sqlite3.Connection, keys: Keys, model: str) -> list[Template]:
    """All vectors of `model`, person by person, face by face, in the order they were added."""
    found: list[Template] = []
    for person_id, name, wrapped, face_id, sealed in connection.execute(
        "SELECT person_id, name, key, face_id, vectors FROM faces JOIN persons USING (person_id) "
        "WHERE model = ? ORDER BY persons.number, faces.number",
        (model,),
    ):
        with intact(name):
            key = keys.unwrap(wrapped, person_id)
            vectors = sealing.unseal_vectors(key, sealed, "face", person_id, face_id, model)
        found += [Template(face_id, person_id, model, vector) for vector in vectors]
    return found


def _require(connection: sqlite3.Connection, person_id: str) -> tuple[str, bytes]:
    """Name and wrapped key of a person; raises NotFoundError."""
    row: tuple[str, bytes] | None = connection.execute(
        "SELECT name, key FROM persons WHERE person_id = ?", (_bindable(person_id),)
    ).fetchone()
    if row is None:
        raise NotFoundError("person", person_id)
    return row


def _claim(connection: sqlite3.Connection, name: str, person_id: str) -> None:
    taken = connection.execute(
        "SELECT name FROM persons WHERE folded = ? AND person_id != ?", (folded_name(name), person_id)
    ).fetchone()
    if taken is not None:
        raise ConflictError(f"there is already a person called {taken[0]!r}", code="name_taken")


def _bindable(text: str) -> str:
    # JSON can carry half a surrogate pair, which SQLite cannot bind; no id has one.
    return text.encode(errors="replace").decode()
