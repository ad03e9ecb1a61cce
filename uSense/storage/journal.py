"""The port `Journal` over SQLite."""

from __future__ import annotations

import json
import sqlite3

from uSense.core.events import Notice
from uSense.storage import untold
from uSense.storage.database import Database
from uSense.storage.trouble import parsing

JOURNAL_BOUND = 10_000


class SqliteJournal:
    """Lasting notices, oldest first; numbers grow and are never used twice."""

    def __init__(self, database: Database) -> None:
        self.dropped = 0
        self._database = database

    async def append(self, notice: Notice) -> int:
        number, dropped = await self._database.write(_append, notice)
        self.dropped += dropped
        return number

    async def recover(self) -> list[Notice]:
        """Notices of what was done by a process that died before it could append them; to be appended now."""
        return await self._database.read(untold.notices)

    async def pending(self, limit: int) -> list[tuple[int, Notice]]:
        return await self._database.read(_pending, limit)

    async def done(self, number: int) -> None:
        await self._database.write(_done, number)


def _append(connection: sqlite3.Connection, notice: Notice) -> tuple[int, int]:
    number = connection.execute(
        "INSERT INTO notices (type, data) VALUES (?, ?)", (notice.type, json.dumps(dict(notice.data)))
    ).lastrowid
    assert number is not None  # noqa: S101 - an INSERT always has one
    untold.tell(connection, notice)
    dropped = connection.execute(
        "DELETE FROM notices WHERE number <= (SELECT number FROM notices ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (JOURNAL_BOUND,),
    ).rowcount
    return number, dropped


def _pending(connection: sqlite3.Connection, limit: int) -> list[tuple[int, Notice]]:
    rows = connection.execute("SELECT number, type, data FROM notices ORDER BY number LIMIT ?", (limit,))
    with parsing():
        return [(number, Notice(kind, dict(json.loads(data)), lasting=True)) for number, kind, data in rows]


def _done(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("DELETE FROM notices WHERE number = ?", (number,))
