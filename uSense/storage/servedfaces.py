"""Faces of served persons and the galleries made of them: what is done inside one transaction."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence

import numpy as np

from uSense.core.errors import NotFoundError
from uSense.core.groups import (
    MOST_FACES_OF_PERSON,
    FullError,
    GroupFace,
    GroupKey,
    GroupPlace,
    GroupTemplate,
    GroupTraining,
)
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Vector
from uSense.storage import sealing, served
from uSense.storage.keys import Keys, intact
from uSense.storage.people import bindable


def add(
    connection: sqlite3.Connection,
    keys: Keys,
    person: tuple[GroupKey, str],
    template: tuple[str, Sequence[Vector]],
    user_data: str | None,
    crop: bytes | None,
) -> str:
    """Keep one face with its vectors and the model that made them; returns its id."""
    key = served.opened(connection, keys, *person)
    _, person_id = person
    query = "SELECT count(*) FROM served_faces WHERE person_id = ?"
    if connection.execute(query, (person_id,)).fetchone()[0] >= MOST_FACES_OF_PERSON:
        raise FullError("faces", f"there are {MOST_FACES_OF_PERSON} of this person")
    served.require_room(connection, "faces")
    face_id = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO served_faces (face_id, person_id, user_data, crop) VALUES (?, ?, ?, ?)",
        (
            face_id,
            person_id,
            None if user_data is None else bindable(user_data),
            None if crop is None else sealing.seal(key, crop, "served crop", person_id, face_id),
        ),
    )
    _put_template(connection, key, (person_id, face_id, template[0]), template[1])
    return face_id


def face(connection: sqlite3.Connection, place: GroupPlace) -> GroupFace:
    """One face."""
    _require(connection, place)
    row = connection.execute("SELECT user_data FROM served_faces WHERE face_id = ?", (place.face_id,)).fetchone()
    return GroupFace(place.face_id, row[0])


def update(connection: sqlite3.Connection, place: GroupPlace, user_data: str | None) -> None:
    """Set its user data."""
    _require(connection, place)
    text = None if user_data is None else bindable(user_data)
    connection.execute("UPDATE served_faces SET user_data = ? WHERE face_id = ?", (text, place.face_id))


def delete(connection: sqlite3.Connection, place: GroupPlace) -> None:
    """Drop one face."""
    _require(connection, place)
    connection.execute("DELETE FROM served_faces WHERE face_id = ?", (place.face_id,))


def templates(
    connection: sqlite3.Connection, keys: Keys, key: GroupKey, model: str, person_id: str | None
) -> list[GroupTemplate]:
    """The vectors of all faces, or of one person's, in the order they were added, person by person."""
    if person_id is not None:
        served.require_person(connection, key, person_id)
    rows = connection.execute(
        "SELECT person_id, name, key, face_id, vectors FROM served_templates JOIN served_faces USING (face_id) "
        "JOIN served_persons USING (person_id) "
        "WHERE group_number = ? AND person_id = coalesce(?, person_id) AND served_templates.model = ? "
        "ORDER BY served_persons.number, served_faces.number",
        (served.require_group(connection, key), person_id, model),
    )
    found, known = [], dict[str, bytes]()
    for owner, name, wrapped, face_id, sealed in rows:
        with intact(name):
            opened = known.get(owner) or known.setdefault(owner, keys.unwrap(wrapped, owner))
            vectors = sealing.unseal_vectors(opened, sealed, "served face", owner, face_id, model)
        found.append(GroupTemplate(owner, face_id, vectors))
    return found


def save_gallery(
    connection: sqlite3.Connection,
    keys: Keys,
    key: GroupKey,
    model: str,
    gallery: Gallery,
    training: GroupTraining,
) -> None:
    """Replace the gallery of a group and keep the state of its training; who is gone is left out."""
    number = served.require_group(connection, key)
    served.set_training(connection, key, training)
    mark = str(uuid.uuid4())
    connection.execute("DELETE FROM served_galleries WHERE group_number = ?", (number,))
    connection.execute(
        "INSERT INTO served_galleries (group_number, model, mark) VALUES (?, ?, ?)", (number, model, mark)
    )
    rows = connection.execute("SELECT person_id, name, key FROM served_persons WHERE group_number = ?", (number,))
    there = {person_id: (name, wrapped) for person_id, name, wrapped in rows}
    for index, person_id in enumerate(gallery.person_ids):
        if person_id not in there:
            continue
        name, wrapped = there[person_id]
        with intact(name):
            opened = keys.unwrap(wrapped, person_id)
        own = gallery.vectors[gallery.owners == index]
        sealed = sealing.seal_vectors(opened, own, "served gallery", person_id, mark, model)
        connection.execute(
            "INSERT INTO served_parts (mark, person_id, vectors) VALUES (?, ?, ?)", (mark, person_id, sealed)
        )


def load_gallery(
    connection: sqlite3.Connection, keys: Keys, key: GroupKey, model: str, metric: Metric
) -> Gallery | None:
    """The gallery under the names that persons have now; None if there is none by this model."""
    row = connection.execute(
        "SELECT number, mark FROM served_galleries WHERE group_number = ? AND model = ?",
        (served.require_group(connection, key), model),
    ).fetchone()
    if row is None:
        return None
    version, mark = row
    parts = connection.execute(
        "SELECT person_id, name, key, vectors FROM served_parts JOIN served_persons USING (person_id) "
        "WHERE mark = ? ORDER BY served_parts.number",
        (mark,),
    ).fetchall()
    persons = []
    for person_id, name, wrapped, sealed in parts:
        with intact(name):
            opened = keys.unwrap(wrapped, person_id)
            vectors = sealing.unseal_vectors(opened, sealed, "served gallery", person_id, mark, model)
        persons.append((person_id, name, vectors))
    return Gallery.joined(version, metric, persons)


def mark(connection: sqlite3.Connection, key: GroupKey, model: str) -> str:
    """The gallery's mark, and of how many persons it is."""
    row = connection.execute(
        "SELECT mark, (SELECT count(*) FROM served_parts WHERE served_parts.mark = served_galleries.mark) "
        "FROM served_galleries WHERE group_number = ? AND model = ?",
        (served.require_group(connection, key), model),
    ).fetchone()
    return "" if row is None else f"{row[0]} {row[1]}"


def lacking(connection: sqlite3.Connection, model: str, key: GroupKey | None) -> list[GroupPlace]:
    """Every face with a crop and without a template of `model`."""
    number = None if key is None else served.require_group(connection, key)
    rows = connection.execute(
        "SELECT kind, group_id, person_id, face_id FROM served_faces JOIN served_persons USING (person_id) "
        "JOIN served_groups ON served_groups.number = group_number WHERE crop IS NOT NULL "
        "AND group_number = coalesce(?, group_number) AND NOT EXISTS (SELECT 1 FROM served_templates "
        "WHERE served_templates.face_id = served_faces.face_id AND served_templates.model = ?) "
        "ORDER BY group_number, served_persons.number, served_faces.number",
        (number, model),
    )
    return [GroupPlace(GroupKey(kind, group_id), *place) for kind, group_id, *place in rows]


def crop(connection: sqlite3.Connection, keys: Keys, place: GroupPlace) -> bytes:
    """The crop of a face; raises NotFoundError if there is none."""
    _require(connection, place)
    (sealed,) = connection.execute("SELECT crop FROM served_faces WHERE face_id = ?", (place.face_id,)).fetchone()
    if sealed is None:
        raise NotFoundError("crop of the face", place.face_id)
    name, wrapped = served.require_person(connection, place.key, place.person_id)
    with intact(name):
        key = keys.unwrap(wrapped, place.person_id)
        return sealing.unseal(key, sealed, "served crop", place.person_id, place.face_id)


def renew(connection: sqlite3.Connection, keys: Keys, place: GroupPlace, model: str, vectors: Sequence[Vector]) -> None:
    """Add the vectors of a face that is there by another model."""
    _require(connection, place)
    key = served.opened(connection, keys, place.key, place.person_id)
    _put_template(connection, key, (place.person_id, place.face_id, model), vectors)


def drop_crops(connection: sqlite3.Connection) -> int:
    """Drop all crops; returns how many."""
    return connection.execute("UPDATE served_faces SET crop = NULL WHERE crop IS NOT NULL").rowcount


def _put_template(
    connection: sqlite3.Connection, key: bytes, place: tuple[str, str, str], vectors: Sequence[Vector]
) -> None:
    """Set the vectors of a person's face by a model: `place` names these three."""
    _, face_id, model = place
    connection.execute(
        "INSERT INTO served_templates (face_id, model, vectors) VALUES (?, ?, ?) "
        "ON CONFLICT (face_id, model) DO UPDATE SET vectors = excluded.vectors",
        (face_id, model, sealing.seal_vectors(key, np.stack(vectors), "served face", *place)),
    )


def _require(connection: sqlite3.Connection, place: GroupPlace) -> None:
    """Raise NotFoundError if the group, the person or the face is not there."""
    key, person_id, face_id = place
    served.require_person(connection, key, person_id)
    there = connection.execute(
        "SELECT 1 FROM served_faces WHERE person_id = ? AND face_id = ?", (person_id, bindable(face_id))
    )
    if there.fetchone() is None:
        raise NotFoundError("face", face_id)
