"""Who waits for a turn at a limited backend, and who is next."""

from __future__ import annotations

from dataclasses import dataclass, field

TURNS = 10
"""One of so many turns belongs to background calls, if any wait."""


@dataclass(slots=True)
class Line:
    """Who waits for a turn: urgent before background, but a part of the turns belongs to background."""

    bound: int
    """Tickets of either kind that may wait; when full, newcomers are refused."""
    urgent: list[int] = field(default_factory=list)
    background: list[int] = field(default_factory=list)
    passed: int = 0
    """Urgent turns since the last one of background, while some of that waited."""

    def join(self, ticket: int, *, urgent: bool) -> bool:
        """Wait at the end; False if there is no room."""
        line = self.urgent if urgent else self.background
        if len(line) >= self.bound:
            return False
        line.append(ticket)
        return True

    @property
    def first(self) -> int | None:
        """Whose turn is next."""
        if self.background and (not self.urgent or self.passed >= TURNS - 1):
            return self.background[0]
        return self.urgent[0] if self.urgent else None

    def served(self, ticket: int) -> None:
        """It had its turn, and leaves."""
        if ticket in self.background:
            self.passed = 0
        elif self.background:
            self.passed += 1
        self.leave(ticket)

    def leave(self, ticket: int) -> None:
        """It waits no more."""
        for line in (self.urgent, self.background):
            if ticket in line:
                line.remove(ticket)

    def __len__(self) -> int:
        return len(self.urgent) + len(self.background)
