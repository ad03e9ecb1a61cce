"""Happenings that are kept in memory."""

from __future__ import annotations

from collections.abc import Sequence

from uSense.core.errors import StorageError
from uSense.core.history import Happening


class Shelf:
    """Keeps rows in memory, and counts the writings; may be broken."""

    def __init__(self, *rows: Happening) -> None:
        self.rows = list(rows)
        self.writings = 0
        self.problem = ""

    async def load(self) -> list[Happening]:
        """All rows."""
        if self.problem:
            raise StorageError(self.problem)
        return [*self.rows]

    async def keep(self, rows: Sequence[Happening], oldest: float, most: int) -> None:
        """Add rows."""
        if self.problem:
            raise StorageError(self.problem)
        self.writings += 1
        self.rows = [one for one in [*self.rows, *rows] if one.at >= oldest][-most:]
