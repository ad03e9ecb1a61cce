"""Where the state of a quota is kept: in this process, or in a small file that several processes share."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import structlog

from uSense.aio import Lane
from uSense.core.quota import Quota
from uSense.recognizers.azureface.account import Account

log = structlog.get_logger()

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds to wait for another process that looks into the file."""
BLOCK = 4096
"""The file is written in place, in whole blocks of this size: a power cut leaves the old one or the new one."""
_PAUSE = 0.005
_MOST = 1_000_000


class Ledger(Protocol):
    """Keeps a quota; changes of it never overlap."""

    async def alter(self, change: Callable[[Quota], T]) -> T:
        """Let `change` look at the quota and change it; it may be called in a thread. Returns what it returns."""


class Memory:
    """A quota of this process alone."""

    def __init__(self) -> None:
        self.quota = Quota()

    async def alter(self, change: Callable[[Quota], T]) -> T:
        return change(self.quota)


def place(data_dir: Path, account: Account) -> Path:
    """The file of a resource: its calls are counted together, whatever its groups."""
    host = urlsplit(account.base).netloc.lower()
    return data_dir / f"azure-{sha256(host.encode()).hexdigest()[:12]}.pace"


@asynccontextmanager
async def shared(path: Path, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[Ledger]:
    """A quota in a file. It holds no names and no key; if it cannot be used, this process keeps its own."""
    async with Lane("azure.pace", PATIENCE) as lane:
        file = _File(path, clock)
        await lane.run(file.open)
        try:
            yield _Shared(lane, file)
        finally:
            await lane.run(file.close)


class _Shared:
    def __init__(self, lane: Lane, file: _File) -> None:
        self._lane = lane
        self._file = file

    async def alter(self, change: Callable[[Quota], T]) -> T:
        return await self._lane.run(self._file.alter, change)


class _File:
    """Reads and writes the file, in one thread. What was last known goes on if the file does not."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._quota = Quota()
        self._descriptor: int | None = None
        self._told = False

    def open(self) -> None:
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._tell(error)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def alter(self, change: Callable[[Quota], T]) -> T:
        if self._descriptor is None:
            return change(self._quota)
        try:
            self._lock(self._descriptor)
        except OSError as error:
            self._tell(error)
            return change(self._quota)
        try:
            return self._changed(self._descriptor, change)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _changed(self, descriptor: int, change: Callable[[Quota], T]) -> T:
        try:
            self._read(descriptor)
        except OSError as error:
            self._tell(error)
        result = change(self._quota)
        try:
            self._write(descriptor)
        except OSError as error:
            self._tell(error)
        return result

    def _lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _read(self, descriptor: int) -> None:
        text = os.pread(descriptor, _MOST, 0)
        if not text.strip(b"\0 \n"):
            return
        try:
            self._quota = Quota.restored(json.loads(text), self._clock())
        except ValueError as error:  # JSON's own errors are of this kind
            log.warning(
                "the calls counted so far cannot be read and count anew", file=str(self._path), reason=str(error)
            )

    def _write(self, descriptor: int) -> None:
        text = json.dumps(self._quota.values()).encode()
        text += b" " * (-len(text) % BLOCK)
        os.pwrite(descriptor, text, 0)
        if os.fstat(descriptor).st_size != len(text):
            os.ftruncate(descriptor, len(text))

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            log.warning("the pace of calls is not shared with other processes", file=str(self._path), reason=str(error))
