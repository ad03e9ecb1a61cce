"""The port `Journal` over SQLite."""

from __future__ import annotations

import json
import sqlite3
import time

from uSense.core.events import Notice
from uSense.storage import untold
from uSense.storage.backups import Backups
from uSense.storage.database import Database
from uSense.storage.trouble import parsing
from uSense.storage.untold import Deed

JOURNAL_BOUND = 10_000


class SqliteJournal:
    """Lasting notices, oldest first; numbers grow and are never used twice."""

    def __init__(self, database: Database, backups: Backups) -> None:
        self.dropped = 0
        self._database = database
        self._backups = backups
        self._seen: dict[Deed, float] = {}
        self._unsaved: set[Deed] = set()
        """What this process tells by itself, even if the disk does not take it."""

    async def append(self, notice: Notice) -> int:
        deed = untold.deed(notice)
        self._unsaved.add(deed)
        number, dropped = await self._database.write(_append, notice)
        self._unsaved.discard(deed)
        self.dropped += dropped
        return number

    async def recover(self, rest: float = 0.0) -> list[Notice]:
        """Notices of what was done by a process that died before it could append them; to be appended now.

        If it may still live, it has `rest` seconds to do so, from the first call that finds the deed.
        """
        now = time.monotonic()
        there = await self._database.read(untold.rows)
        self._unsaved.intersection_update(row.deed for row in there)
        rows = [row for row in there if row.deed not in self._unsaved]
        self._seen = {row.deed: self._seen.get(row.deed, now) for row in rows}
        due = [row for row in rows if now - self._seen[row.deed] >= rest]
        if not due:
            return []
        late = await self._database.read(self._late, due)
        self._unsaved.update(row.deed for row in due)
        return late

    async def pending(self, limit: int) -> list[tuple[int, Notice]]:
        return await self._database.read(_pending, limit)

    async def done(self, number: int) -> None:
        if await self._database.write(_done, number) in untold.GONE:
            await self._database.fold()

    def _late(self, connection: sqlite3.Connection, due: list[untold.Row]) -> list[Notice]:
        left = tuple(self._backups.left(connection))
        return [untold.late(row, left) for row in due]


def _append(connection: sqlite3.Connection, notice: Notice) -> tuple[int, int]:
    if not untold.tell(connection, notice):
        return 0, 0
    number = connection.execute(
        "INSERT INTO notices (type, data) VALUES (?, ?)", (notice.type, json.dumps(dict(notice.data)))
    ).lastrowid
    assert number is not None  # noqa: S101 - an INSERT always has one
    dropped = connection.execute(
        "DELETE FROM notices WHERE number <= (SELECT number FROM notices ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (JOURNAL_BOUND,),
    ).rowcount
    return number, dropped


def _pending(connection: sqlite3.Connection, limit: int) -> list[tuple[int, Notice]]:
    rows = connection.execute("SELECT number, type, data FROM notices ORDER BY number LIMIT ?", (limit,))
    with parsing():
        return [(number, Notice(kind, dict(json.loads(data)), lasting=True)) for number, kind, data in rows]


def _done(connection: sqlite3.Connection, number: int) -> str:
    """Returns the kind of what was done."""
    row = connection.execute("DELETE FROM notices WHERE number = ? RETURNING type", (number,)).fetchone()
    return row[0] if row else ""
