"""One sender at a time, of all processes of a data folder: so nobody is made, and no face sent, twice.

It is held while Azure is asked, so only what sends or takes over people waits for it: no identification, no erasure.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from uSense.core.errors import RecognizerError

log = structlog.get_logger()

POLL = 0.05
"""Seconds between two looks whether another process has ended its turn."""
PATIENCE = 120.0
"""Seconds to wait for another process's turn."""


class Sole:
    """Turns that never overlap; `file` is locked meanwhile, if there is one."""

    def __init__(self, file: int | None) -> None:
        self._file = file
        self._inside = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; RecognizerError if another process never ends its own."""
        async with self._inside:
            deadline = time.monotonic() + PATIENCE
            while not self._taken():
                if time.monotonic() > deadline:
                    raise RecognizerError("another uSense process is sending faces to Azure: try again later")
                await asyncio.sleep(POLL)
            try:
                yield
            finally:
                if self._file is not None:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def _taken(self) -> bool:
        if self._file is None:
            return True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            log.warning("processes do not wait for each other before they send faces", reason=str(error))
            self._file = None
        return True


@asynccontextmanager
async def sole(path: Path) -> AsyncIterator[Sole]:
    """Turns that the processes which lock this file share; the kernel gives a lock back however its process ends."""
    file = await asyncio.to_thread(_opened, path)
    try:
        yield Sole(file)
    finally:
        if file is not None:
            os.close(file)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.warning("processes do not wait for each other before they send faces", file=str(path), reason=str(error))
        return None
