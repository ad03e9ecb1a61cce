"""What remains of an erased person: marks that tell them in an older backup, and nothing that names them."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from dataclasses import dataclass

_SALT = 16


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Keyed hashes of a person's id and of their wrapped key, each with a salt of its own: none can be linked."""

    salt: bytes
    person: bytes
    key: bytes

    def fits(self, person_id: str, wrapped: bytes) -> bool:
        """Whether it is of this person."""
        return self.person == _hash(self.salt, person_id.encode()) or self.key == _hash(self.salt, wrapped)


def of(person_id: str, wrapped: bytes) -> Tombstone:
    """The tombstone of a person."""
    salt = os.urandom(_SALT)
    return Tombstone(salt, _hash(salt, person_id.encode()), _hash(salt, wrapped))


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


def erased(connection: sqlite3.Connection, person_id: str) -> bool:
    """Whether somebody with this id was erased here."""
    return any(one.fits(person_id, b"") for one in known(connection))


def gone(connection: sqlite3.Connection, person_id: str) -> bool:
    """Whether somebody with this id was erased here, or became part of another person."""
    merged = connection.execute("SELECT salt, person, key FROM merged").fetchall()
    return erased(connection, person_id) or any(Tombstone(*row).fits(person_id, b"") for row in merged)


def _hash(salt: bytes, secret: bytes) -> bytes:
    return hmac.new(salt, secret, hashlib.sha256).digest()
