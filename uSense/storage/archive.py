"""The port `Archive` over SQLite and files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from uSense.ports import Backup, Parcel, Restored
from uSense.storage import backups, container, copies, damage, owners, parcels
from uSense.storage.backups import Backups
from uSense.storage.container import KeyFile, Passphrase, Sealed
from uSense.storage.database import Database


class SqliteArchive:
    """Backups of everything, and parcels of persons."""

    def __init__(self, database: Database, kept: Backups) -> None:
        self._database = database
        self._kept = kept

    async def keep(self, kind: Literal["auto", "asked"]) -> Backup:
        content = await self._database.look(copies.take)
        return await self._database.look(lambda _: self._kept.keep(kind, content))

    async def due(self, now: float) -> bool:
        return await self._database.read(self._kept.due, now)

    async def damage(self) -> str:
        return await asyncio.to_thread(damage.sentence, self._database.path.parent)

    async def write(self, path: Path, passphrase: str | None) -> Backup:
        """Write a backup anywhere, with the key file inside if it is locked with a passphrase, else without."""
        content = await self._database.look(copies.take)
        return await asyncio.to_thread(self._kept.write, path, content, self._lock(passphrase))

    async def restore(self, sealed: Sealed, lock: Passphrase | KeyFile | None) -> Restored:
        """Replace all people by those of a backup, all at once, also beside a running service.

        Without a `lock` this data folder's key file opens it. What was there before is kept as a backup.
        """
        opened = await asyncio.to_thread(self._kept.opened, sealed, lock or self._lock(None))
        if await self._database.read(owners.wrapped):
            await self.keep("asked")
        return await self._database.erase(self._kept.restore, opened)

    async def served(self) -> int:
        """How many persons there are in served groups, all of whom a restore replaces, too."""
        return await self._database.read(backups.served)

    async def send(self, path: Path, sent: Sequence[Parcel], passphrase: str) -> None:
        """Write parcels into a file."""
        plain = await asyncio.to_thread(parcels.encode, sent)
        data = await asyncio.to_thread(
            container.seal, parcels.KIND, parcels.FORMAT, plain, Passphrase(passphrase), {"people": len(sent)}
        )
        await asyncio.to_thread(container.write, path, data)

    def _lock(self, passphrase: str | None) -> Passphrase | KeyFile:
        return self._kept.lock if passphrase is None else Passphrase(passphrase)


async def received(path: Path, passphrase: str) -> list[Parcel]:
    """The parcels in a file; raises RequestError."""
    sealed = await asyncio.to_thread(container.read, path, parcels.KIND, parcels.FORMAT)
    return parcels.decode(await asyncio.to_thread(sealed.plain, Passphrase(passphrase)), str(path))
