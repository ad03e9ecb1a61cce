"""Parts of persons that cannot be decrypted any more are dropped, and taken from the newest good automatic backup."""

from __future__ import annotations

import json
import sqlite3
import time

import structlog
from cryptography.exceptions import InvalidTag

from uSense.core.errors import RequestError, StorageError
from uSense.ports import Parcel
from uSense.storage import copies, faces, moving, sealing
from uSense.storage.backups import Backups
from uSense.storage.keys import Keys
from uSense.times import rfc3339

log = structlog.get_logger()


def heal(connection: sqlite3.Connection, backups: Backups) -> list[str]:
    """Names of the persons of whom something was damaged and dropped; to be called in a write transaction."""
    opens = _opened(connection, backups.keys)
    harmed = {person_id for person_id, key in opens.items() if key is None}
    for find, drop in copies.SEALED:
        damaged = _unreadable(connection, find, opens)
        connection.executemany(drop, [(row,) for row, _ in damaged])
        harmed |= {person_id for _, person_id in damaged}
    if not harmed:
        return []
    for person_id in harmed:
        if opens[person_id] is None:
            wrapped = backups.keys.wrap(sealing.new_key(), person_id)
            connection.execute("UPDATE persons SET key = ? WHERE person_id = ?", (wrapped, person_id))
    refilled = sum(_refill(connection, backups.keys, parcel) for parcel in _kept(backups, harmed))
    names = dict(connection.execute("SELECT person_id, name FROM persons ORDER BY folded"))
    people = [{"person_id": person_id, "name": name} for person_id, name in names.items() if person_id in harmed]
    data = json.dumps({"at": rfc3339(time.time()), "people": people, "refilled": refilled})
    connection.execute("INSERT INTO notices (type, data) VALUES ('storage.healed', ?)", (data,))
    log.error("faces were damaged", people=[one["name"] for one in people], taken_from_backup=refilled)
    return [one["name"] for one in people]


def _opened(connection: sqlite3.Connection, keys: Keys) -> dict[str, bytes | None]:
    """The key of each person; None if it was damaged."""
    found: dict[str, bytes | None] = {}
    for person_id, wrapped in connection.execute("SELECT person_id, key FROM persons"):
        try:
            found[person_id] = keys.unwrap(wrapped, person_id)
        except InvalidTag:
            found[person_id] = None
    return found


def _unreadable(connection: sqlite3.Connection, find: str, opens: dict[str, bytes | None]) -> list[tuple[int, str]]:
    """Row and person of what their key does not open."""
    found = []
    for row, person_id, sealed, *about in connection.execute(find):
        key = opens[person_id]
        if key is None or not _opens(key, sealed, about):
            found.append((row, person_id))
    return found


def _opens(key: bytes, sealed: bytes, about: list[str | int]) -> bool:
    try:
        sealing.unseal(key, sealed, *map(str, about))
    except InvalidTag:
        return False
    return True


def _kept(backups: Backups, harmed: set[str]) -> list[Parcel]:
    """What the newest good automatic backup has of these persons."""
    for path in backups.files("auto"):
        try:
            kept = backups.read(path)
            with copies.opened(kept.data, kept.source) as copy:
                there = [one for (one,) in copy.execute("SELECT person_id FROM persons") if one in harmed]
                return moving.pack(copy, kept.keys, there)
        except (RequestError, StorageError):
            continue
    return []


def _refill(connection: sqlite3.Connection, keys: Keys, parcel: Parcel) -> int:
    """Put back what is missing of the person's faces; returns how many parts."""
    (wrapped,) = connection.execute("SELECT key FROM persons WHERE person_id = ?", (parcel.person_id,)).fetchone()
    key, parts = keys.unwrap(wrapped, parcel.person_id), 0
    for face in parcel.faces:
        query = "SELECT crop IS NULL FROM faces WHERE person_id = ? AND face_id = ?"
        row = connection.execute(query, (parcel.person_id, face.face_id)).fetchone()
        if row is None:  # dropped since the backup was made
            continue
        if row[0] and face.crop is not None:
            sealed = sealing.seal(key, face.crop, "crop", parcel.person_id, face.face_id)
            connection.execute("UPDATE faces SET crop = ? WHERE face_id = ?", (sealed, face.face_id))
            parts += 1
        known = {
            model for (model,) in connection.execute("SELECT model FROM templates WHERE face_id = ?", (face.face_id,))
        }
        for model in face.templates.keys() - known:
            faces.put_template(connection, key, (parcel.person_id, face.face_id, model), face.templates[model])
            parts += 1
    return parts
