"""One SQLite file, one thread: transactions, locks between processes, and leaving no trace of what was erased."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from uSense.aio import Lane
from uSense.core.errors import StorageError
from uSense.storage import layout
from uSense.storage.trouble import READ_ONLY, plain_words, primary_code

P = ParamSpec("P")
T = TypeVar("T")

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    # VACUUM copies everything: never into a file of the system's temporary folder.
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
)
_PAUSE = 0.02


class Database:
    """The connection to `path`, used only in `lane`; other processes may hold the file locked for `wait` seconds.

    Canceling the waiter drops a call that has not begun; one that has runs to its end, so no transaction is ever cut.
    """

    def __init__(self, path: Path, lane: Lane, wait: float) -> None:
        self.path = path
        self._lane = lane
        self._wait = wait
        self._opened: sqlite3.Connection | None = None
        self._seen = 0

    async def open(self) -> None:
        """Create or migrate the file; raises StorageError."""
        await self._lane.run(self._open)

    async def close(self) -> None:
        """Close; the last process to do so folds the write-ahead log into the file."""
        await self._lane.run(self._close)

    async def read(self, call: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `call(connection, ...)` on one consistent state of the file."""
        return await self._lane.run(self._transact, "BEGIN", lambda connection: call(connection, *args, **kwargs))

    async def write(
        self, call: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `call(connection, ...)` alone among all processes; all of it is kept, durably, or nothing."""
        return await self._lane.run(
            self._transact, "BEGIN IMMEDIATE", lambda connection: call(connection, *args, **kwargs)
        )

    async def erase(
        self, call: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`write`, then remove every trace of the deleted rows from the files.

        If another process or a full disk forbids that now, it is tried again by `changed`, by the next `erase` and
        at the next start.
        """
        return await self._lane.run(self._erase, lambda connection: call(connection, *args, **kwargs))

    async def changed(self) -> bool:
        """True once after another process wrote."""
        return await self._lane.run(self._changed)

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            raise sqlite3.ProgrammingError("the database is not open")
        return self._opened

    def _open(self) -> None:
        with plain_words(self.path.parent):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with plain_words(self.path, self._wait):
            _make_private(self.path)
            # SQLite would open it and fail at the first write, in the middle of the service.
            if not os.access(self.path, os.W_OK, effective_ids=True):
                raise StorageError(READ_ONLY.format(path=self.path))
            self._opened = sqlite3.connect(self.path, timeout=self._wait, isolation_level=None)
            self._transact("BEGIN", lambda connection: layout.check_origin(connection, self.path))
            for pragma in _PRAGMAS:
                self._connection.execute(pragma)
            self._use_write_ahead_log()
            self._transact("BEGIN IMMEDIATE", layout.migrate)
            self._scrub_if_due(self._wait)
            self._seen = self._data_version()

    def _use_write_ahead_log(self) -> None:
        # Two processes creating the file at once: SQLite refuses one of them without waiting.
        deadline = time.monotonic() + self._wait
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _transact(self, begin: str, call: Callable[[sqlite3.Connection], T]) -> T:
        with plain_words(self.path, self._wait), _transaction(self._connection, begin) as connection:
            return call(connection)

    def _erase(self, call: Callable[[sqlite3.Connection], T]) -> T:
        def delete(connection: sqlite3.Connection) -> T:
            result = call(connection)
            connection.execute("UPDATE installation SET erasing = 1")
            return result

        result = self._transact("BEGIN IMMEDIATE", delete)
        with plain_words(self.path, self._wait):
            self._scrub_if_due(self._wait)
        return result

    def _changed(self) -> bool:
        with plain_words(self.path, self._wait):
            self._scrub_if_due(0.0)
            version = self._data_version()
        changed = version != self._seen
        self._seen = version
        return changed

    def _data_version(self) -> int:
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _scrub_if_due(self, wait: float) -> None:
        # secure_delete leaves copies in the unused parts of pages that were rebalanced: only VACUUM rewrites them all.
        connection = self._connection
        if not connection.execute("SELECT max(erasing) FROM installation").fetchone()[0]:
            return
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * wait)}")
        try:
            with _later_if_hindered():
                if self._log_truncated():
                    connection.execute("VACUUM")
                    if self._log_truncated():
                        connection.execute("UPDATE installation SET erasing = 0")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * self._wait)}")

    def _log_truncated(self) -> bool:
        """Fold the write-ahead log into the file and empty it; False while another process reads from it."""
        return bool(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    connection.execute(begin)
    try:
        yield connection
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def _later_if_hindered() -> Iterator[None]:
    """Go on when another process or a full disk forbids it now: the work stays marked as due."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if primary_code(error) not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL}:
            raise


def _make_private(path: Path) -> None:
    """Create the file for its owner only, or tighten it; SQLite gives its side files the same mode."""
    # Never opened when it exists: closing it again would drop the locks this process holds on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    status = path.stat()
    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & 0o077:
        path.chmod(0o600)
