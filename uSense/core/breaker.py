"""When to stop asking a backend that fails, and when to ask it again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Circuit(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """All calls."""
    OPEN = "open"
    """None, until the pause is over."""
    HALF_OPEN = "half_open"
    """One call, which decides."""


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a breaker opens, and for how long."""

    failures: int = 3
    """Failures in a row that open it."""
    first: float = 5.0
    """Seconds it stays open the first time."""
    longest: float = 300.0
    """Seconds it stays open at most."""
    factor: float = 2.0
    """Each failed trial makes the next pause longer by this."""


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row. Times are seconds of one clock; `jitter` is 0..1 and spreads pauses by a quarter."""

    rules: BreakerRules = BreakerRules()
    failures: int = 0
    pause: float = 0.0
    """Length of the last pause without jitter; 0 while closed."""
    retry_at: float = 0.0
    trying: bool = False
    """The one call of the half-open state is under way."""

    def state(self, now: float) -> Circuit:
        """What it lets through now."""
        if not self.pause:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self.trying or now >= self.retry_at else Circuit.OPEN

    def enter(self, now: float) -> bool:
        """Whether a call may go; after True, `succeeded`, `failed` or `left` must follow."""
        state = self.state(now)
        if state is Circuit.CLOSED:
            return True
        if state is Circuit.OPEN or self.trying:
            return False
        self.trying = True
        return True

    def succeeded(self) -> None:
        """The backend answered."""
        self.failures, self.pause, self.retry_at, self.trying = 0, 0.0, 0.0, False

    def failed(self, now: float, jitter: float) -> None:
        """The backend did not answer, or only that it cannot."""
        self.failures += 1
        if self.pause and not self.trying:
            return  # a call that began before the breaker opened
        if not self.pause and self.failures < self.rules.failures:
            return
        longer = self.pause * self.rules.factor if self.pause else self.rules.first
        self.pause = min(longer, self.rules.longest)
        self.retry_at = now + self.pause * (0.75 + 0.5 * jitter)
        self.trying = False

    def left(self) -> None:
        """A call ended without telling anything of the backend, such as by being canceled."""
        self.trying = False
