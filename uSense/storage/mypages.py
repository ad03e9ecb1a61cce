"""People's own pages: what is done inside one transaction."""

from __future__ import annotations

import sqlite3

from uSense.storage.people import require

SCHEMA = (
    # What people see at a kiosk; not encrypted, as user data is not.
    """CREATE TABLE pages (
        number INTEGER PRIMARY KEY,
        person_id TEXT NOT NULL UNIQUE REFERENCES persons (person_id) ON DELETE CASCADE,
        page TEXT NOT NULL
    ) STRICT""",
)


def load(connection: sqlite3.Connection, person_id: str) -> str:
    """A person's page as text, empty if there is none; NotFoundError."""
    require(connection, person_id)
    row = connection.execute("SELECT page FROM pages WHERE person_id = ?", (person_id,)).fetchone()
    return str(row[0]) if row else ""


def save(connection: sqlite3.Connection, person_id: str, text: str) -> None:
    """Keep it; an empty one is none."""
    require(connection, person_id)
    connection.execute("DELETE FROM pages WHERE person_id = ?", (person_id,))
    if text:
        connection.execute("INSERT INTO pages (person_id, page) VALUES (?, ?)", (person_id, text))
