"""What is done with a data folder when its database is opened, and when that is damaged."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import structlog

from uSense.core.errors import StorageDamagedError, StorageError
from uSense.storage import copies, damage, tombstones, untold
from uSense.storage.backups import Backups
from uSense.storage.database import Database
from uSense.storage.keys import Keys, unlock
from uSense.times import rfc3339

log = structlog.get_logger()

DATABASE = "usense.sqlite3"
KEY = "key"


class Opening:
    """The key and the backups of a data folder, from the moment that its database is open."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._backups: Backups | None = None
        self._doubted = False

    @property
    def keys(self) -> Keys:
        """The key file's; only once the database is open."""
        return self.backups.keys

    @property
    def backups(self) -> Backups:
        """Those in the data folder; only once the database is open."""
        assert self._backups is not None  # noqa: S101 - `begin` sets it
        return self._backups

    def clean(self, connection: sqlite3.Connection) -> None:
        """Take erased persons out of the backups."""
        self.backups.clean(connection)

    def begin(self, connection: sqlite3.Connection) -> None:
        """Unlock an open database; a new one in place of a damaged one gets what the newest good backup has."""
        (known,) = connection.execute("SELECT EXISTS (SELECT 1 FROM installation)").fetchone()
        moved = damage.folders(self.data_dir)
        keys = unlock(connection, self.data_dir / KEY, [*moved, *Backups.in_folder(self.data_dir)])
        if self._backups is None:
            self._backups = Backups(self.data_dir, keys)
        elif self._backups.keys != keys:
            raise StorageError(
                f"the key file {self.data_dir / KEY} was exchanged: put the right one back, then restart"
            )
        if moved and not known:
            self._refill(connection, moved[0])

    def mend(self, database: Database) -> str:
        """Move a damaged database aside and open a new one in its place; says so in plain words."""
        try:
            database.swap(lambda: self._move(database.path))
        except StorageDamagedError:
            if not self._doubted:
                raise
            database.swap(lambda: self._move(database.path))
        return damage.sentence(self.data_dir) or "the database was damaged and is mended: try again"

    def _move(self, path: Path) -> None:
        # Another process may have mended it before this one was alone; a second doubt is trusted.
        self._doubted = not self._doubted and _sound(path)
        if not self._doubted:
            moved = damage.move_aside(path)
            log.error("the database was damaged", moved_to=str(moved))

    def _refill(self, connection: sqlite3.Connection, moved: Path) -> None:
        remains = damage.remains(moved / DATABASE)
        erased = (*remains.erased, *self.backups.erased())
        tombstones.keep(connection, *erased)
        untold.keep(connection, remains.untold)
        if erased:
            # The backups may still have held them: whether that was so is lost.
            connection.execute("UPDATE installation SET erasing = 2")
        restored = self.backups.restore_newest(connection)
        # Numbers of notices are never used twice, also not those of the lost ones.
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('notices', ?)", (int(time.time()),))
        data = {
            "at": rfc3339(time.time()),
            "moved_to": str(moved),
            "restored_from": restored.made_at if restored else None,
            "people": len(restored.people) if restored else 0,
        }
        for kind, text in (*remains.notices, ("storage.damaged", json.dumps(data))):
            connection.execute("INSERT INTO notices (type, data) VALUES (?, ?)", (kind, text))
        log.warning("the database begins anew", **data)


def _sound(path: Path) -> bool:
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            copies.check(connection)
        finally:
            connection.close()
    except (sqlite3.Error, StorageError):
        return False
    return True
