"""Parts of persons that cannot be decrypted any more are dropped, and taken from the newest good automatic backup."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import TypeAlias

import structlog
from cryptography.exceptions import InvalidTag

from uSense.core.errors import RequestError, StorageError
from uSense.ports import Parcel
from uSense.storage import copies, faces, moving, owners, sealing
from uSense.storage.backups import Backups
from uSense.storage.keys import Keys
from uSense.storage.owners import Owner
from uSense.times import rfc3339

log = structlog.get_logger()


_PUT_BACK = {
    "served crop": "UPDATE served_faces SET crop = ?1 WHERE person_id = ?2 AND face_id = ?3",
    "served face": "INSERT INTO served_templates (face_id, model, vectors) "
    "SELECT face_id, ?4, ?1 FROM served_faces WHERE person_id = ?2 AND face_id = ?3",
    "served gallery": "INSERT INTO served_parts (mark, person_id, vectors) "
    "SELECT mark, ?2, ?1 FROM served_galleries WHERE mark = ?3 AND model = ?4",
}
"""How what was dropped of served persons comes back: the sealed bytes, and what they are bound to."""

About: TypeAlias = tuple[str, ...]
"""What something sealed is bound to; nothing else is bound to the same."""


def heal(connection: sqlite3.Connection, backups: Backups) -> list[str]:
    """Names of the people of whom something was damaged and dropped; to be called in a write transaction."""
    opens = owners.opened(connection, backups.keys)
    harmed = {owner for owner, key in opens.items() if key is None}
    lost: set[About] = set()
    for find, drop in copies.SEALED:
        damaged = _unreadable(connection, find, opens)
        connection.executemany(drop, [(row,) for row, _, _ in damaged])
        harmed |= {owner for _, owner, _ in damaged}
        lost |= {about for _, owner, about in damaged if owner.served}
    if not harmed:
        return []
    fresh = {owner: backups.keys.wrap(sealing.new_key(), owner.person_id) for owner in harmed if opens[owner] is None}
    owners.set_keys(connection, fresh)
    people = {owner.person_id for owner in harmed if not owner.served}
    parcels, parts = _kept(backups, people, lost)
    refilled = sum(_refill(connection, backups.keys, parcel) for parcel in parcels)
    refilled += _put_back(connection, backups.keys, parts)
    return _told(connection, people, len(harmed) - len(people), refilled)


def _told(connection: sqlite3.Connection, people: set[str], served: int, refilled: int) -> list[str]:
    """Put into the journal whose faces were damaged; served persons, whose names are the client's, are counted."""
    rows = connection.execute("SELECT person_id, name FROM persons ORDER BY folded").fetchall()
    harmed = [{"person_id": person_id, "name": name} for person_id, name in rows if person_id in people]
    data = json.dumps({"at": rfc3339(time.time()), "people": harmed, "served": served, "refilled": refilled})
    connection.execute("INSERT INTO notices (type, data) VALUES ('storage.healed', ?)", (data,))
    names = [one["name"] for one in harmed]
    log.error("faces were damaged", people=names, served=served, taken_from_backup=refilled)
    return names


def _unreadable(
    connection: sqlite3.Connection, find: str, opens: Mapping[Owner, bytes | None]
) -> list[tuple[int, Owner, About]]:
    """Row, owner and place of what their key does not open."""
    found = []
    for row, served, person_id, sealed, *bound in connection.execute(find):
        owner, about = Owner(bool(served), person_id), tuple(map(str, bound))
        key = opens[owner]
        if key is None or not _opens(key, sealed, about):
            found.append((row, owner, about))
    return found


def _opens(key: bytes, sealed: bytes, about: About) -> bool:
    try:
        sealing.unseal(key, sealed, *about)
    except InvalidTag:
        return False
    return True


def _kept(backups: Backups, people: set[str], lost: set[About]) -> tuple[list[Parcel], dict[About, bytes]]:
    """What the newest good automatic backup has of these people, and of what was lost of served persons."""
    for path in backups.files("auto"):
        try:
            kept = backups.read(path)
            with copies.opened(kept.data, kept.source) as copy:
                there = [one for (one,) in copy.execute("SELECT person_id FROM persons") if one in people]
                return moving.pack(copy, kept.keys, there), _parts(copy, kept.keys, lost)
        except (RequestError, StorageError):
            continue
    return [], {}


def _parts(copy: sqlite3.Connection, keys: Keys, lost: set[About]) -> dict[About, bytes]:
    """What a copy has of that, decrypted."""
    opens, found = owners.opened(copy, keys), dict[About, bytes]()
    for find, _ in copies.SEALED if lost else ():
        for _, served, person_id, sealed, *bound in copy.execute(find):
            about, key = tuple(map(str, bound)), opens[Owner(bool(served), person_id)]
            if about in lost and key is not None and _opens(key, sealed, about):
                found[about] = sealing.unseal(key, sealed, *about)
    return found


def _put_back(connection: sqlite3.Connection, keys: Keys, parts: Mapping[About, bytes]) -> int:
    """Put that back; returns how many parts."""
    opens = owners.opened(connection, keys)
    put = 0
    for about, plain in parts.items():
        kind, person_id, *_ = about
        key = opens[Owner(True, person_id)]
        assert key is not None  # noqa: S101 - whose key was damaged has a new one
        put += connection.execute(_PUT_BACK[kind], (sealing.seal(key, plain, *about), *about[1:])).rowcount
    return put


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
