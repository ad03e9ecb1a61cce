"""Waiting for a condition that nobody signals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_TURNS = 100
"""Of the loop, within which what happens in it has happened."""
_REST = 0.002
"""Seconds between later looks: who waits for another process leaves the processor to it."""


async def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Let the loop turn until something is true; TimeoutError if it does not become so."""
    turns = 0
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0 if turns < _TURNS else _REST)
            turns += 1
