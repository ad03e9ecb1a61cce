"""How uSense writes a moment down, wherever somebody may read it, and ids that have one in them."""

from __future__ import annotations

import random
import time
import uuid
from datetime import UTC, datetime

_TIMED = 7
"""The version of ids that say when they were made."""


def rfc3339(seconds: float) -> str:
    """Wall-clock seconds as UTC with milliseconds: `2026-11-22T10:00:00.120Z`."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ticks(seconds: float) -> str:
    """The same with seven digits behind the point, as the Face contract has it: `2024-09-03T15:55:58.8061602Z`."""
    whole, rest = divmod(round(seconds * 10**7), 10**7)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:07}Z"


def new_id() -> str:
    """A UUID version 7 (RFC 9562): unique and sortable by time."""
    milliseconds = time.time_ns() // 1_000_000
    bits = (milliseconds << 80) | (0x7 << 76) | (random.getrandbits(12) << 64) | (0b10 << 62) | random.getrandbits(62)
    return str(uuid.UUID(int=bits))


def made_at(one: str) -> float | None:
    """When an id was made, in seconds since 1970; None of an id that does not say."""
    try:
        found = uuid.UUID(one)
    except ValueError:
        return None
    return (found.int >> 80) / 1000 if found.version == _TIMED else None
