"""Faces, their crops and their templates: what is done inside one transaction."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence

import numpy as np

from uSense.core.errors import NotFoundError
from uSense.core.models import Vector
from uSense.ports import Snap, Template
from uSense.storage import sealing
from uSense.storage.keys import Keys, intact
from uSense.storage.people import bindable, opened, require


def add(
    connection: sqlite3.Connection,
    keys: Keys,
    person_id: str,
    template: tuple[str, Sequence[Vector]] | None,
    crop: bytes | None,
) -> str:
    """Keep one face: its vectors with the model that made them, and its crop, if there are any; returns its id."""
    key = opened(connection, keys, person_id)
    face_id = str(uuid.uuid4())
    put_face(connection, key, (person_id, face_id), crop)
    if template is not None:
        model, vectors = template
        put_template(connection, key, (person_id, face_id, model), vectors)
    return face_id


def put_face(
    connection: sqlite3.Connection, key: bytes, place: tuple[str, str], crop: bytes | None, added_at: int | None = None
) -> None:
    """Add a face without templates, as kept now unless it was before; `place` names person and face."""
    person_id, face_id = place
    sealed = None if crop is None else sealing.seal(key, crop, "crop", person_id, face_id)
    connection.execute(
        "INSERT INTO faces (face_id, person_id, crop, added_at) VALUES (?, ?, ?, coalesce(?, unixepoch()))",
        (face_id, person_id, sealed, added_at),
    )


def put_template(
    connection: sqlite3.Connection, key: bytes, place: tuple[str, str, str], vectors: Sequence[Vector]
) -> None:
    """Set the vectors of a person's face by a model: `place` names these three."""
    _, face_id, model = place
    connection.execute(
        "INSERT INTO templates (face_id, model, vectors) VALUES (?, ?, ?) "
        "ON CONFLICT (face_id, model) DO UPDATE SET vectors = excluded.vectors",
        (face_id, model, sealing.seal_vectors(key, np.stack(vectors), "face", *place)),
    )


def delete(connection: sqlite3.Connection, person_id: str, face_id: str) -> None:
    """Drop one face."""
    require(connection, person_id)
    dropped = connection.execute(
        "DELETE FROM faces WHERE person_id = ? AND face_id = ?", (person_id, bindable(face_id))
    )
    if not dropped.rowcount:
        raise NotFoundError("face", face_id)


def templates(connection: sqlite3.Connection, keys: Keys, model: str) -> list[Template]:
    """All vectors of `model`, person by person, face by face, in the order they were added."""
    found: list[Template] = []
    for person_id, name, wrapped, face_id, sealed in connection.execute(
        "SELECT person_id, name, persons.key, face_id, vectors "
        "FROM templates JOIN faces USING (face_id) JOIN persons USING (person_id) "
        "WHERE model = ? ORDER BY persons.number, faces.number",
        (model,),
    ):
        with intact(name):
            key = keys.unwrap(wrapped, person_id)
            vectors = sealing.unseal_vectors(key, sealed, "face", person_id, face_id, model)
        found += [Template(face_id, person_id, model, vector) for vector in vectors]
    return found


def lacking(connection: sqlite3.Connection, model: str) -> list[tuple[str, str]]:
    """Person and face id of every face with a crop and without a template of `model`."""
    return connection.execute(
        "SELECT person_id, face_id FROM faces JOIN persons USING (person_id) WHERE crop IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM templates WHERE templates.face_id = faces.face_id AND model = ?) "
        "ORDER BY persons.number, faces.number",
        (model,),
    ).fetchall()


def crop(connection: sqlite3.Connection, keys: Keys, person_id: str, face_id: str) -> bytes:
    """The crop of a face; raises NotFoundError if there is none."""
    key = opened(connection, keys, person_id)
    row = connection.execute(
        "SELECT crop FROM faces WHERE person_id = ? AND face_id = ? AND crop IS NOT NULL", (person_id, face_id)
    ).fetchone()
    if row is None:
        raise NotFoundError("crop of the face", face_id)
    with intact(require(connection, person_id)[0]):
        return sealing.unseal(key, row[0], "crop", person_id, face_id)


def snaps(connection: sqlite3.Connection, person_id: str) -> list[Snap]:
    """What is known of the faces of a person without decrypting anything, in the order they were added."""
    require(connection, person_id)
    rows = connection.execute(
        "SELECT face_id, added_at, crop IS NOT NULL FROM faces WHERE person_id = ? ORDER BY number", (person_id,)
    )
    return [Snap(face_id, added_at, bool(pictured)) for face_id, added_at, pictured in rows]


def renew(connection: sqlite3.Connection, keys: Keys, place: tuple[str, str, str], vectors: Sequence[Vector]) -> None:
    """Add the vectors of a face that is there by another model; `place` names person, face and model."""
    person_id, face_id, _ = place
    key = opened(connection, keys, person_id)
    there = connection.execute("SELECT 1 FROM faces WHERE person_id = ? AND face_id = ?", (person_id, face_id))
    if there.fetchone() is None:
        raise NotFoundError("face", face_id)
    put_template(connection, key, place, vectors)
    connection.execute("INSERT OR IGNORE INTO renewed (model) VALUES (?)", (place[2],))


def renewed(connection: sqlite3.Connection, model: str) -> bool:
    """Whether templates of `model` were renewed since its last gallery was saved."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM renewed WHERE model = ?)", (model,)).fetchone()[0])


def drop_crops(connection: sqlite3.Connection, person_id: str | None) -> int:
    """Drop the crops of one person or of all; returns how many."""
    if person_id is not None:
        require(connection, person_id)
    return connection.execute(
        "UPDATE faces SET crop = NULL WHERE crop IS NOT NULL AND person_id = coalesce(?, person_id)", (person_id,)
    ).rowcount
