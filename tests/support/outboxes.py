"""An outbox that is soon full, and one that is emptied."""

from __future__ import annotations

from uSense.core.outbox import Kind, Outbox

SMALL = {Kind.REPLY: 2, Kind.IDENTITY: 4, Kind.LASTING: 3, Kind.NOTICE: 3}
"""Bounds that a few items reach."""


def drain(outbox: Outbox[str], now: float = 0.0) -> list[str]:
    """Send everything."""
    sent = []
    while item := outbox.next(now):
        sent.append(item.content)
        outbox.done(item)
    return sent
