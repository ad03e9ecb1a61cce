"""The port `Visitors` over SQLite: visitors are temporary, so they are in no backup and leave no tombstone."""

from __future__ import annotations

from collections.abc import Sequence

from uSense.core.rejections import Rejection
from uSense.core.visitors import Visitor
from uSense.ports import Keep
from uSense.storage import rejections, strangers
from uSense.storage.database import Database
from uSense.storage.keys import Keys


class SqliteVisitors:
    """Unknown people, and rejections."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def load(self) -> list[Visitor]:
        found, damaged = await self._database.read(strangers.load, self._keys)
        if damaged:
            await self._database.erase(strangers.drop, damaged)
        return found

    async def keep(self, kept: Sequence[Keep], left: Sequence[str]) -> None:
        await self._database.write(strangers.keep, self._keys, kept, left)

    async def erase(self, visitor_ids: Sequence[str]) -> None:
        await self._database.erase(strangers.drop, visitor_ids)

    async def crops(self, visitor_id: str) -> dict[int, bytes]:
        return await self._database.read(strangers.crops, self._keys, visitor_id)

    async def rejections(self) -> list[Rejection]:
        return await self._database.read(rejections.everything, self._keys)

    async def reject(self, rejection: Rejection) -> None:
        await self._database.write(rejections.add, self._keys, rejection)

    async def unreject(self, *rejection_ids: str) -> None:
        await self._database.write(rejections.remove, *rejection_ids)
