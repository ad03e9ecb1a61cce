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
from uSense.core.errors import StorageDamagedError, StorageError, StorageMendedError
from uSense.storage import layout, strangers
from uSense.storage.folder import FolderLock
from uSense.storage.trouble import READ_ONLY, doubting, plain_words, primary_code

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
_REST = 60.0
"""Seconds until other files are tried again."""


class Database:
    """The connection to `path`, used only in `lane`; other processes may hold the file locked for `wait` seconds.

    Canceling the waiter drops a call that has not begun; one that has runs to its end, so no transaction is ever cut.
    """

    def __init__(self, path: Path, lane: Lane, wait: float, begin: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self.on_scrub: Callable[[sqlite3.Connection], None] | None = None
        """Called at the end of an erasure, to remove traces from other files; raises StorageError if it cannot."""
        self.on_damage: Callable[[], str] | None = None
        """Called in the lane when the file is found damaged; mends that with `swap` and says how in plain words."""
        self._begin = begin
        self._lane = lane
        self._wait = wait
        self._hold = FolderLock(path.parent, wait)
        self._opened: sqlite3.Connection | None = None
        self._seen = 0
        self._swapped = False
        self._rests_until = 0.0

    async def open(self) -> None:
        """Create or migrate the file and call `begin` in the first transaction; raises StorageError."""
        await self._lane.run(self._guarded, lambda _: None)

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

    async def look(self, call: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `call(connection, ...)` outside of any transaction."""
        return await self._lane.run(self._guarded, lambda connection: call(connection, *args, **kwargs))

    async def fold(self) -> None:
        """Fold the log into the file, so that neither holds what was overwritten; later, if another process reads."""
        await self._lane.run(self._guarded, self._fold)

    async def changed(self) -> bool:
        """True once after another process wrote, or a damaged file was replaced."""
        return await self._lane.run(self._changed)

    def swap(self, move: Callable[[], None]) -> None:
        """Close the file, `move` it aside while no other process uses it, and open a new one; only in the lane."""
        self._close()
        with self._hold.alone():
            move()
        self._open()
        self._swapped = True

    def _open(self) -> None:
        with plain_words(self.path.parent):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._hold.share()
        with plain_words(self.path, self._wait):
            _make_private(self.path)
            # SQLite would open it and fail at the first write, in the middle of the service.
            if not os.access(self.path, os.W_OK, effective_ids=True):
                raise StorageError(READ_ONLY.format(path=self.path))
            self._opened = sqlite3.connect(self.path, timeout=self._wait, isolation_level=None)
            try:
                with doubting(self._opened):
                    self._prepare(self._opened)
            except BaseException:
                self._close()
                raise

    def _prepare(self, connection: sqlite3.Connection) -> None:
        with _transaction(connection, "BEGIN"):
            layout.check_origin(connection, self.path)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        self._use_write_ahead_log(connection)
        with _transaction(connection, "BEGIN IMMEDIATE"):
            layout.migrate(connection)
            layout.check_schema(connection)
            self._begin(connection)
            connection.execute("UPDATE installation SET erasing = 1 WHERE erasing = ?", (strangers.ERASE_LATER,))
        self._scrub_if_due(connection, self._wait)
        self._seen = _data_version(connection)

    def _use_write_ahead_log(self, connection: sqlite3.Connection) -> None:
        # Two processes creating the file at once: SQLite refuses one of them without waiting.
        deadline = time.monotonic() + self._wait
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
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
        self._hold.release()

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work on the open file; if it turns out to be damaged, mend that and say so."""
        try:
            if self._opened is None:
                self._open()
            assert self._opened is not None  # noqa: S101 - it was opened above
            with plain_words(self.path, self._wait), doubting(self._opened):
                return work(self._opened)
        except StorageDamagedError as error:
            mend, self.on_damage = self.on_damage, None
            if mend is None:
                raise
            try:
                raise StorageMendedError(mend()) from error
            finally:
                self.on_damage = mend

    def _transact(self, begin: str, call: Callable[[sqlite3.Connection], T]) -> T:
        def work(connection: sqlite3.Connection) -> T:
            with _transaction(connection, begin):
                return call(connection)

        return self._guarded(work)

    def _erase(self, call: Callable[[sqlite3.Connection], T]) -> T:
        def delete(connection: sqlite3.Connection) -> T:
            result = call(connection)
            connection.execute("UPDATE installation SET erasing = 1")
            return result

        result = self._transact("BEGIN IMMEDIATE", delete)
        self._rests_until = 0.0
        self._guarded(lambda connection: self._scrub_if_due(connection, self._wait))
        return result

    def _changed(self) -> bool:
        def look(connection: sqlite3.Connection) -> int:
            self._scrub_if_due(connection, 0.0)
            return _data_version(connection)

        version = self._guarded(look)
        changed = version != self._seen or self._swapped
        self._seen, self._swapped = version, False
        return changed

    def _scrub_if_due(self, connection: sqlite3.Connection, wait: float) -> None:
        """Remove what an erasure left: first (`erasing` is 1) from this file, then (it is 2) from others."""
        # secure_delete leaves copies in the unused parts of pages that were rebalanced: only VACUUM rewrites them all.
        if _erasing(connection) in {0, strangers.ERASE_LATER}:
            return
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * wait)}")
        try:
            with _later_if_hindered():
                if _erasing(connection) == 1 and _log_truncated(connection):
                    connection.execute("VACUUM")
                    if _log_truncated(connection):
                        connection.execute("UPDATE installation SET erasing = 2")
                if _erasing(connection) == 2 and time.monotonic() >= self._rests_until:  # noqa: PLR2004 - told above
                    self._scrub_others(connection)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * self._wait)}")

    def _fold(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            with _later_if_hindered():
                _log_truncated(connection)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * self._wait)}")

    def _scrub_others(self, connection: sqlite3.Connection) -> None:
        try:
            if self.on_scrub is not None:
                self.on_scrub(connection)
        except StorageError:
            self._rests_until = time.monotonic() + _REST
        else:
            connection.execute("UPDATE installation SET erasing = 0")


def _data_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


def _erasing(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT max(erasing) FROM installation").fetchone()[0] or 0


def _log_truncated(connection: sqlite3.Connection) -> bool:
    """Fold the write-ahead log into the file and empty it; False while another process reads from it."""
    return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


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
