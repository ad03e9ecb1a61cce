"""How long a service lives: until it is told to stop, or until a model hangs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from uSense import aio
from uSense.core.errors import StuckError

log = structlog.get_logger()

MODELS = ("detect", "embed")
"""What the threads are called in which models work."""
LOOK = 2.0
"""Seconds between two looks at the models."""


async def guard(patience: float) -> None:
    """Raise StuckError when a model hangs: its thread cannot be ended, so nothing but a new process helps."""
    before: set[str] = set()
    while True:
        await asyncio.sleep(LOOK)
        hanging = {name for name in aio.stuck(patience) if name.startswith(MODELS)}
        # Twice: after the whole process was stopped for a while, every call that goes on looks as if it hung.
        sure, before = sorted(hanging & before), hanging
        if sure:
            message = f"{sure[0]} has not answered for {patience:g} s: the service ends, to be started again"
            log.error("stuck", problem=message)
            raise StuckError(message)


@contextmanager
def signals(stop: asyncio.Event, hurry: asyncio.Event, told: Callable[[], None]) -> Iterator[None]:
    """The first SIGTERM or SIGINT calls `told` and sets `stop`, the second sets `hurry`."""
    loop = asyncio.get_running_loop()

    def caught() -> None:
        if stop.is_set():
            hurry.set()
        else:
            told()
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, caught)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
