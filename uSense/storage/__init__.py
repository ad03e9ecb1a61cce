"""People, galleries, served groups and lasting notices, in `usense.sqlite3`, `key` and `backups` of the data folder.

Templates, crops and gallery vectors are biometric data: encrypted with a key per person, which the key file wraps;
deleting a person destroys their key. Names, user data and own pages are not encrypted: names are published as retained
MQTT topics, and the others belong to whoever wrote them; all are erased with the person, and the files are readable
by their owner only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from uSense.aio import Lane
from uSense.core.errors import StorageMendedError
from uSense.storage import copies, healing
from uSense.storage.archive import SqliteArchive
from uSense.storage.database import Database
from uSense.storage.groups import SqliteGroups
from uSense.storage.happenings import SqliteHappenings
from uSense.storage.journal import SqliteJournal
from uSense.storage.opening import DATABASE, KEY, Opening
from uSense.storage.pages import SqlitePages
from uSense.storage.twins import SqliteTwins
from uSense.storage.vault import SqliteVault
from uSense.storage.visitors import SqliteVisitors

__all__ = [
    "DATABASE",
    "KEY",
    "SqliteArchive",
    "SqliteGroups",
    "SqliteHappenings",
    "SqliteJournal",
    "SqlitePages",
    "SqliteTwins",
    "SqliteVault",
    "SqliteVisitors",
    "Storage",
    "open_storage",
]


@dataclass(frozen=True, slots=True)
class Storage:
    """What the data folder holds; all of it may be used by several processes at once."""

    folder: Path
    vault: SqliteVault
    journal: SqliteJournal
    archive: SqliteArchive
    groups: SqliteGroups
    twins: SqliteTwins
    visitors: SqliteVisitors
    happenings: SqliteHappenings
    pages: SqlitePages


@asynccontextmanager
async def open_storage(data_dir: Path, *, wait: float = 5.0, mend: bool = False) -> AsyncIterator[Storage]:
    """Open or create the data folder; another process may lock it for `wait` seconds. Raises StorageError.

    If it may `mend`, a damaged database is moved aside, now or whenever it is found, and the newest good automatic
    backup takes its place, or an empty one.
    """
    async with Lane("storage") as lane:
        opening = Opening(data_dir)
        database = Database(data_dir / DATABASE, lane, wait, opening.begin)
        database.on_scrub = opening.clean
        if mend:
            database.on_damage = partial(opening.mend, database)
        try:
            with suppress(StorageMendedError):
                await database.open()
                if mend:
                    await database.look(copies.check)
                    await database.write(healing.heal, opening.backups)
            yield Storage(
                data_dir,
                SqliteVault(database, opening.keys, opening.backups),
                SqliteJournal(database, opening.backups),
                SqliteArchive(database, opening.backups),
                SqliteGroups(database, opening.keys),
                SqliteTwins(database),
                SqliteVisitors(database, opening.keys),
                SqliteHappenings(database),
                SqlitePages(database),
            )
        finally:
            await database.close()
