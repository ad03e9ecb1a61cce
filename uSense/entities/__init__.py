"""What is told about a sighting, one file for each way of telling it; this is the list of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from uSense.core.events import Sighting
from uSense.entities.identity import identity, live
from uSense.entities.name import name
from uSense.entities.payload import Context, Message

__all__ = ["LIVE", "QUEUED", "Context", "Entity", "Message"]

Entity: TypeAlias = Callable[[Sighting, Context, float], list[Message]]
"""The messages of a sighting as they are to be sent now (monotonic seconds)."""

QUEUED: tuple[Entity, ...] = (identity,)
"""Told at least once, later if need be."""
LIVE: tuple[Entity, ...] = (live, name)
"""Told at the moment of decision, or never."""
