"""One service a data folder. Commands beside it need no lock: the database has its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from uSense.aio import Lane
from uSense.core.errors import InstanceError
from uSense.storage.trouble import plain_words

log = structlog.get_logger()

LOCK = "service.lock"
WAIT = 6.0
"""Seconds to wait for a service that may be about to end: it has ended four seconds after it was told to."""
_PAUSE = 0.1


@asynccontextmanager
async def sole_service(data_dir: Path, *, wait: float = WAIT) -> AsyncIterator[None]:
    """Be the only service on an existing data folder; InstanceError if another one still is after `wait` seconds.

    The kernel gives the lock back however this process ends.
    """
    async with Lane("lock") as lane:
        file = await lane.run(_open, data_dir / LOCK)
        try:
            await _acquire(lane, file, data_dir, wait)
            yield
        finally:
            await lane.run(os.close, file)


def is_served(data_dir: Path) -> bool:
    """Whether a service of this machine uses the data folder; raises StorageError."""
    path = data_dir / LOCK
    with plain_words(path):
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
    return False


async def _acquire(lane: Lane, file: int, data_dir: Path, wait: float) -> None:
    end = time.monotonic() + wait
    while not await lane.run(_taken, file, data_dir / LOCK):
        owner = await lane.run(_owner, file)
        if time.monotonic() >= end:
            raise InstanceError(
                f"another uSense{owner} serves the data folder {data_dir}: stop it, or give this one a data_dir "
                "of its own; commands such as `usense enroll` work beside it"
            )
        log.debug("waiting for another uSense to end", owner=owner)
        await asyncio.sleep(_PAUSE)


def _open(path: Path) -> int:
    with plain_words(path):
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _taken(file: int, path: Path) -> bool:
    """Take the lock if it is free, and write down who has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        log.warning("the data folder cannot be locked: see that no other uSense uses it", file=str(path))
        return True
    with plain_words(path):
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return True


def _owner(file: int) -> str:
    text = os.pread(file, 20, 0).decode(errors="replace").strip()
    return f" (process {text})" if text.isdecimal() else ""
