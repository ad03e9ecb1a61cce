"""Persons who become one, leave for another vault, or come from one: what is done inside one transaction."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Sequence

from uSense.core import mypage
from uSense.core.errors import ConflictError
from uSense.core.models import MOST_FACES, Person
from uSense.core.names import free_name
from uSense.ports import Arrival, Parcel, ParcelFace
from uSense.storage import faces, happened, mypages, people, sealing, tombstones, untold
from uSense.storage.keys import Keys, intact
from uSense.storage.people import everybody, opened, require


def merge(connection: sqlite3.Connection, keys: Keys, person_id: str, into: str) -> Person:
    """Give all faces of one person to another, and drop the first."""
    if person_id == into:
        raise ConflictError("this is one person: name two", code="same_person")
    key = opened(connection, keys, into)
    (parcel,) = pack(connection, keys, [person_id])
    _, wrapped = require(connection, person_id)
    connection.execute("UPDATE merged SET person_id = ? WHERE person_id = ?", (into, person_id))
    mark = tombstones.of(person_id, wrapped)
    connection.execute(
        "INSERT INTO merged (person_id, salt, person, key) VALUES (?, ?, ?, ?)",
        (into, mark.salt, mark.person, mark.key),
    )
    happened.merge(connection, person_id, into)
    connection.execute("DELETE FROM persons WHERE person_id = ?", (person_id,))
    _take(connection, key, into, parcel.faces)
    connection.execute(
        "UPDATE persons SET user_data = ? WHERE person_id = ? AND user_data = ''", (parcel.user_data, into)
    )
    _take_page(connection, into, parcel.page)
    merged = _person(connection, into)
    data = {"person_id": person_id, "into": into, "faces": len(merged.face_ids)}
    untold.note(connection, "person.merged", data)
    return merged


def pack(connection: sqlite3.Connection, keys: Keys, person_ids: Sequence[str]) -> list[Parcel]:
    """Everything kept of these persons, decrypted."""
    return [_packed(connection, keys, person_id) for person_id in person_ids]


def unpack(connection: sqlite3.Connection, keys: Keys, parcel: Parcel, *, erased: bool) -> Arrival:
    """Take a person in, or the faces of theirs that are missing here."""
    person_id = parcel.person_id
    if tombstones.erased(connection, person_id):
        if not erased:
            return Arrival(None, 0)
        person_id = str(uuid.uuid4())
    there = connection.execute("SELECT 1 FROM persons WHERE person_id = ?", (person_id,)).fetchone()
    if there is None:
        name = free_name(parcel.name, {folded for (folded,) in connection.execute("SELECT folded FROM persons")})
        people.create(connection, keys, name, parcel.user_data, person_id)
    _take_page(connection, person_id, parcel.page)
    here = set(_person(connection, person_id).face_ids)
    new = [face for face in parcel.faces if face.face_id not in here]
    room = max(0, MOST_FACES - len(here))
    _take(connection, opened(connection, keys, person_id), person_id, new[:room])
    return Arrival(_person(connection, person_id), len(new[:room]), len(new[room:]))


def _packed(connection: sqlite3.Connection, keys: Keys, person_id: str) -> Parcel:
    name, _ = require(connection, person_id)
    key = opened(connection, keys, person_id)
    (user_data,) = connection.execute("SELECT user_data FROM persons WHERE person_id = ?", (person_id,)).fetchone()
    packed = []
    kept = connection.execute(
        "SELECT face_id, crop, added_at FROM faces WHERE person_id = ? ORDER BY number", (person_id,)
    )
    for face_id, crop, added_at in kept.fetchall():
        rows = connection.execute("SELECT model, vectors FROM templates WHERE face_id = ? ORDER BY number", (face_id,))
        with intact(name):
            templates = {
                model: list(sealing.unseal_vectors(key, sealed, "face", person_id, face_id, model))
                for model, sealed in rows
            }
            plain = None if crop is None else sealing.unseal(key, crop, "crop", person_id, face_id)
        packed.append(ParcelFace(face_id, plain, templates, added_at))
    return Parcel(person_id, name, user_data, tuple(packed), mypages.load(connection, person_id))


def _take(connection: sqlite3.Connection, key: bytes, person_id: str, new: Iterable[ParcelFace]) -> None:
    """Add faces that the person does not have; an id that somebody else's face has is replaced."""
    for face in new:
        taken = connection.execute("SELECT 1 FROM faces WHERE face_id = ?", (face.face_id,)).fetchone()
        face_id = face.face_id if taken is None else str(uuid.uuid4())
        faces.put_face(connection, key, (person_id, face_id), face.crop, face.added_at)
        for model, vectors in face.templates.items():
            faces.put_template(connection, key, (person_id, face_id, model), vectors)


def _take_page(connection: sqlite3.Connection, person_id: str, page: str) -> None:
    """Give a person a page if they have none."""
    if page and not mypages.load(connection, person_id):
        mypages.save(connection, person_id, mypage.encoded(mypage.decoded(page)))


def _person(connection: sqlite3.Connection, person_id: str) -> Person:
    return next(person for person in everybody(connection) if person.person_id == person_id)
