"""The seam to what is remembered of the last days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from uSense.core.history import Happening


class Happenings(Protocol):
    """Happenings on the disk; those of a person or visitor leave with them. Raises StorageError."""

    async def load(self) -> list[Happening]:
        """All of them, oldest first."""

    async def keep(self, rows: Sequence[Happening], oldest: float, most: int) -> None:
        """Add rows at once; drop what happened before `oldest`, and the oldest of more than `most`."""
