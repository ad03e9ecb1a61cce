"""How uSense writes a moment down, wherever somebody may read it."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Wall-clock seconds as UTC with milliseconds: `2026-11-22T10:00:00.120Z`."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
