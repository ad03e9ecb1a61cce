"""Files that behave like those of a network drive that is gone."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def unopenable(path: Path) -> Iterator[asyncio.Event]:
    """Whoever opens the file blocks in the kernel, for up to 45 s; the event tells that somebody does.

    It is a write lease (fcntl(2)): its holder is asked by SIGIO to let go, and does not.
    """
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGIO, asked.set)
    file = os.open(path, os.O_RDWR)
    try:
        _lease(file)
        yield asked
    finally:
        os.close(file)
        loop.remove_signal_handler(signal.SIGIO)


def _lease(file: int, seconds: float = 30.0) -> None:
    """Take the write lease as soon as nobody else has the file open, who may be reading it just now."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(0.001)
        else:
            return
