"""The port `Happenings` over SQLite: written many at once, to spare the card; in no backup."""

from __future__ import annotations

from collections.abc import Sequence

from uSense.core.history import Happening
from uSense.storage import happened
from uSense.storage.database import Database


class SqliteHappenings:
    """Happenings of the last days."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> list[Happening]:
        return await self._database.read(happened.load)

    async def keep(self, rows: Sequence[Happening], oldest: float, most: int) -> None:
        await self._database.write(happened.keep, rows, oldest, most)
