"""Everybody who has a key: people of the house, and the persons of served groups."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from uSense.storage import tombstones
from uSense.storage.keys import Keys
from uSense.storage.tombstones import Tombstone


class Owner(NamedTuple):
    """One of them."""

    served: bool
    person_id: str


def wrapped(connection: sqlite3.Connection) -> dict[Owner, bytes]:
    """The wrapped key of each."""
    rows = connection.execute(
        "SELECT 0, person_id, key FROM persons UNION ALL SELECT 1, person_id, key FROM served_persons"
    )
    return {Owner(bool(served), person_id): key for served, person_id, key in rows}


def opened(connection: sqlite3.Connection, keys: Keys) -> dict[Owner, bytes | None]:
    """The key of each; None if it was damaged."""
    found: dict[Owner, bytes | None] = {}
    for owner, key in wrapped(connection).items():
        try:
            found[owner] = keys.unwrap(key, owner.person_id)
        except InvalidTag:
            found[owner] = None
    return found


def set_keys(connection: sqlite3.Connection, new: Mapping[Owner, bytes]) -> None:
    """Give them other wrapped keys."""
    for table, served in (("persons", False), ("served_persons", True)):
        connection.executemany(
            f"UPDATE {table} SET key = ? WHERE person_id = ?",  # noqa: S608 - the names are ours
            [(key, owner.person_id) for owner, key in new.items() if owner.served is served],
        )


def forget(connection: sqlite3.Connection, erased: Sequence[Tombstone]) -> int:
    """Delete those whom the tombstones are of; returns how many persons there were."""
    before = wrapped(connection)
    house, served = (
        tombstones.fitting(
            [mark for mark in erased if mark.served is kind],
            {owner.person_id: key for owner, key in before.items() if owner.served is kind},
        )
        for kind in (False, True)
    )
    groups = dict(connection.execute("SELECT uid, CAST(uid AS BLOB) FROM served_groups"))
    gone = tombstones.fitting([mark for mark in erased if mark.served], groups)
    connection.executemany("DELETE FROM persons WHERE person_id = ?", [(one,) for one in house])
    connection.executemany("DELETE FROM served_persons WHERE person_id = ?", [(one,) for one in served])
    connection.executemany("DELETE FROM served_groups WHERE uid = ?", [(one,) for one in gone])
    return len(before) - len(wrapped(connection))
