"""How fast: the pause before the next attempt, the next call to a limited backend, the next frame of a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


def backoff(first: float, cap: float, jitter: Callable[[], float], factor: float = 1.8) -> Iterator[float]:
    """Seconds to pause before each further attempt: growing to `cap`, spread by `jitter()` in 0..1 over 75 to 125 %."""
    pause = first
    while True:
        yield pause * (0.75 + 0.5 * jitter())
        pause = min(pause * factor, cap)


SLOWEST = 1.0
"""A camera is looked at least this often (seconds), however slow the rest is."""


@dataclass(slots=True)
class FramePace:
    """A camera's rate follows what is being used: slower when frames are overwritten, back up when they are taken."""

    fastest: float
    """Shortest interval between two frames, in seconds."""
    interval: float = 0.0
    _share: float = 1.0
    _bound: float = 0.0
    """The shortest interval while frames are to be spared."""
    _spared_from: float = 0.0
    """The interval when that began."""

    def __post_init__(self) -> None:
        self.interval = self._bound = self.fastest

    def spare(self, share: float, longest: float) -> None:
        """Take only this share of the frames from now on, at intervals of `longest` seconds at most; 1 for all."""
        if share == self._share:
            return
        if self._share == 1:
            self._spared_from = self.interval
        self._share = share
        begun = self._spared_from
        self._bound = self.fastest if share == 1 else min(begun / share, max(begun, longest))
        self.interval = begun if share == 1 else self._bound

    def overwritten(self) -> None:
        """A frame was replaced before anybody took it."""
        self.interval = min(self.interval * 1.5, max(SLOWEST, self._bound))

    def taken(self) -> None:
        """The slot was free."""
        self.interval = max(self.interval * 0.9, self._bound)
