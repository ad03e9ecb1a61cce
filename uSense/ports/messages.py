"""The seams to the outside: what leaves, and what must not be lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from uSense.core.events import Event, Notice


class Outbox(Protocol):
    """Takes events for the outside; never waits."""

    def post(self, event: Event) -> None:
        """Put it where its kind belongs; what is full drops by its written policy and counts."""


class Journal(Protocol):
    """Lasting notices on disk until the broker has them: at most 10,000, the oldest leaves."""

    dropped: int
    """Notices that left undelivered because newer ones needed the room."""

    async def append(self, notice: Notice) -> int:
        """Store it; returns its number."""

    async def pending(self, limit: int) -> list[tuple[int, Notice]]:
        """The oldest ones, with their numbers."""

    async def done(self, number: int) -> None:
        """The broker has it: delete."""


class Notebook(Protocol):
    """A few values in a small file."""

    async def load(self) -> Mapping[str, Any]:
        """What was saved last, nothing at first; raises StorageError."""

    async def save(self, values: Mapping[str, Any]) -> None:
        """Keep this from now on; raises StorageError, and then what was there stays."""
