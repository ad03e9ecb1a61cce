"""Files that behave like those of a network drive that is gone."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
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
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield asked
    finally:
        os.close(file)
        loop.remove_signal_handler(signal.SIGIO)
