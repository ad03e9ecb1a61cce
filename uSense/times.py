"""How uSense writes a moment down, wherever somebody may read it."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Wall-clock seconds as UTC with milliseconds: `2026-11-22T10:00:00.120Z`."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ticks(seconds: float) -> str:
    """The same with seven digits behind the point, as the Face contract has it: `2024-09-03T15:55:58.8061602Z`."""
    whole, rest = divmod(round(seconds * 10**7), 10**7)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:07}Z"
