"""What happened in the last days: what is done inside one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from uSense.core.history import Happening, Kind

_KINDS = frozenset(Kind)
"""Those of a newer uSense are not known here."""
SCHEMA = (
    # No index: the rows are looked through at starts and erasures only, and each index would be one more write.
    """CREATE TABLE happenings (
        number INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        camera TEXT NOT NULL,
        person_id TEXT REFERENCES persons (person_id) ON DELETE CASCADE,
        visitor_id TEXT REFERENCES visitors (visitor_id) ON DELETE CASCADE,
        detail TEXT NOT NULL
    ) STRICT""",
)


def load(connection: sqlite3.Connection) -> list[Happening]:
    """All rows, oldest first."""
    found = connection.execute(
        "SELECT at, kind, camera, person_id, visitor_id, detail FROM happenings ORDER BY number"
    ).fetchall()
    return [Happening(at, Kind(kind), *others) for at, kind, *others in found if kind in _KINDS]


def keep(connection: sqlite3.Connection, rows: Sequence[Happening], oldest: float, most: int) -> None:
    """Add rows, and drop what is too old or too much. What is about a person who is gone is not kept."""
    # Of a visitor who is not on the disk, not yet or no more, the row does not say who it was.
    connection.executemany(
        "INSERT INTO happenings (at, kind, camera, person_id, visitor_id, detail) "
        "SELECT :at, :kind, :camera, :person, (SELECT visitor_id FROM visitors WHERE visitor_id = :visitor), :detail "
        "WHERE :person IS NULL OR EXISTS (SELECT 1 FROM persons WHERE person_id = :person)",
        [
            {
                "at": one.at,
                "kind": one.kind.value,
                "camera": one.camera,
                "person": one.person_id,
                "visitor": one.visitor_id,
                "detail": one.detail,
            }
            for one in rows
        ],
    )
    connection.execute("DELETE FROM happenings WHERE at < ?", (oldest,))
    connection.execute(
        "DELETE FROM happenings WHERE number <= (SELECT number FROM happenings ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (most,),
    )


def merge(connection: sqlite3.Connection, person_id: str, into: str) -> None:
    """What happened to one person happened to another."""
    connection.execute("UPDATE happenings SET person_id = ? WHERE person_id = ?", (into, person_id))
