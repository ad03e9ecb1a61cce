"""A face on its way to the recognizer, and which one goes first."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from uSense.core.models import Probe
from uSense.core.scene import Look
from uSense.core.tracking import STALE, Ask


@dataclass(frozen=True, slots=True)
class Query:
    """A face on its way to the recognizer."""

    camera: str
    ask: Ask
    look: Look
    probe: Probe
    since: float
    """Monotonic second since which the track waits."""

    @property
    def key(self) -> tuple[str, str]:
        """One face of a track waits at a time."""
        return (self.camera, self.ask.track_id)

    def worth(self) -> tuple[float, ...]:
        """Undecided people first, then who is still in sight, to the second; among those the better or newer face."""
        return (float(self.ask.waiting_person), float(int(self.look.stamp)), self.look.quality.value, self.since)

    def following(self, waiting: Query) -> Query:
        """The better one of this view and an earlier one that waits, which is believed only as long as it is fresh."""
        stale = self.look.stamp - waiting.look.stamp >= STALE
        if not stale and waiting.look.quality.value > self.look.quality.value:
            return waiting
        return replace(self, since=waiting.since)

    def age(self) -> float:
        """Seconds that the track has waited."""
        return time.monotonic() - self.since

    def ageless(self) -> float:
        """For recognizers that wait for nothing but company."""
        return 0.0
