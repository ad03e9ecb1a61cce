"""What remains of an erased person: marks that tell them in an older backup, and nothing that names them."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_SALT = 16
_SERVED = b"served\0\0"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Keyed hashes of a person's id and of their wrapped key, with a salt.

    People of the house have a salt each: none can be linked. Served persons and groups, of which there may be
    thousands, share one, so that each person in a backup is hashed but once.
    """

    salt: bytes
    person: bytes
    key: bytes

    @property
    def served(self) -> bool:
        """Whether it is of a served person or group."""
        return len(self.salt) == len(_SERVED) + _SALT and self.salt.startswith(_SERVED)

    def fits(self, person_id: str, wrapped: bytes) -> bool:
        """Whether it is of this person."""
        return self.person == _hash(self.salt, person_id.encode()) or self.key == _hash(self.salt, wrapped)


def of(person_id: str, wrapped: bytes) -> Tombstone:
    """The tombstone of a person of the house."""
    return _of(os.urandom(_SALT), person_id, wrapped)


def of_served(connection: sqlite3.Connection, person_id: str, wrapped: bytes) -> Tombstone:
    """The tombstone of a served person, or of a group with all its persons: then it is made of its uid alone."""
    salts = (mark.salt for mark in known(connection) if mark.served)
    return _of(next(salts, _SERVED + os.urandom(_SALT)), person_id, wrapped)


def known(connection: sqlite3.Connection) -> list[Tombstone]:
    """All there are."""
    return [Tombstone(*row) for row in connection.execute("SELECT salt, person, key FROM tombstones ORDER BY number")]


def keep(connection: sqlite3.Connection, *new: Tombstone) -> None:
    """Add those that are not there yet."""
    there = set(known(connection))
    connection.executemany(
        "INSERT INTO tombstones (salt, person, key) VALUES (?, ?, ?)",
        [(one.salt, one.person, one.key) for one in dict.fromkeys(new) if one not in there],
    )


def fitting(marks: Iterable[Tombstone], keys: Mapping[str, bytes]) -> list[str]:
    """Ids, of those whose wrapped keys these are, that a tombstone is of."""
    hashes: dict[bytes, set[bytes]] = defaultdict(set)
    for mark in marks:
        hashes[mark.salt] |= {mark.person, mark.key}
    return [
        person_id
        for person_id, wrapped in keys.items()
        if any(_hash(salt, person_id.encode()) in of or _hash(salt, wrapped) in of for salt, of in hashes.items())
    ]


def erased(connection: sqlite3.Connection, person_id: str) -> bool:
    """Whether somebody of the house with this id was erased here."""
    return any(one.fits(person_id, b"") for one in known(connection) if not one.served)


def gone(connection: sqlite3.Connection, person_id: str) -> bool:
    """Whether somebody of the house with this id was erased here, or became part of another person."""
    merged = connection.execute("SELECT salt, person, key FROM merged").fetchall()
    return erased(connection, person_id) or any(Tombstone(*row).fits(person_id, b"") for row in merged)


def _of(salt: bytes, person_id: str, wrapped: bytes) -> Tombstone:
    return Tombstone(salt, _hash(salt, person_id.encode()), _hash(salt, wrapped))


def _hash(salt: bytes, secret: bytes) -> bytes:
    return hmac.new(salt, secret, hashlib.sha256).digest()
