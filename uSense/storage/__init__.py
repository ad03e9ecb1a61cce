"""People, templates, gallery versions and lasting notices, in `usense.sqlite3` and `key` of the data folder.

Templates and gallery vectors are biometric data: encrypted with a key per person, which the key file wraps; deleting
a person destroys their key. Names and user data are not encrypted: names are published as retained MQTT topics, and
user data belongs to whoever wrote it; both are erased with the person, and the files are readable by their owner only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from uSense.aio import Lane
from uSense.storage.database import Database
from uSense.storage.journal import SqliteJournal
from uSense.storage.keys import unlock
from uSense.storage.vault import SqliteVault

__all__ = ["SqliteJournal", "SqliteVault", "Storage", "open_storage"]

DATABASE = "usense.sqlite3"
KEY = "key"


@dataclass(frozen=True, slots=True)
class Storage:
    """What the data folder holds; both may be used by several processes at once."""

    vault: SqliteVault
    journal: SqliteJournal


@asynccontextmanager
async def open_storage(data_dir: Path, *, wait: float = 5.0) -> AsyncIterator[Storage]:
    """Open or create the data folder; another process may lock it for `wait` seconds. Raises StorageError."""
    async with Lane("storage") as lane:
        database = Database(data_dir / DATABASE, lane, wait)
        try:
            await database.open()
            keys = await database.write(unlock, data_dir / KEY)
            yield Storage(SqliteVault(database, keys), SqliteJournal(database))
        finally:
            await database.close()
