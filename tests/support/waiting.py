"""Waiting for a condition that nobody signals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Let the loop turn until something is true; TimeoutError if it does not become so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - the condition is a plain value of the code under test
            await asyncio.sleep(0)
