"""A rate limit as a tier has it: so many calls in any window of time."""

from __future__ import annotations

from collections import deque


class Window:
    """At most `calls` in any `seconds`; refused calls count nothing."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.seconds = seconds
        self._taken: deque[float] = deque(maxlen=calls)

    def take(self, now: float) -> float:
        """Take a call; returns 0, or the seconds after which the next one is allowed."""
        if len(self._taken) == self._taken.maxlen and (wait := self._taken[0] + self.seconds - now) > 0:
            return wait
        self._taken.append(now)
        return 0.0
