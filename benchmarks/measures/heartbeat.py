"""How late an event loop is: a task that wants to run every few milliseconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.measures.ledger import Meter

PERIOD = 0.01
"""Seconds between two heartbeats."""


@asynccontextmanager
async def beside(meter: Meter, *, wanted: bool = True) -> AsyncIterator[None]:
    """Note the lags of the running loop in `meter` while the block runs."""
    task = asyncio.create_task(_beat(meter), name="heartbeat") if wanted else None
    yield
    if task is not None:
        task.cancel()


async def _beat(meter: Meter) -> None:
    while True:
        # Not the loop's own clock: uvloop's stands still while it works.
        due = time.monotonic() + PERIOD
        await asyncio.sleep(PERIOD)
        if meter.running:
            meter.spent.lags.append(time.monotonic() - due)
