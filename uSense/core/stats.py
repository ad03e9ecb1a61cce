"""Counters and time distributions of the running service, small enough to keep for ever."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

KEPT = 512


@dataclass(slots=True)
class Timings:
    """The latest durations of one stage, in seconds."""

    values: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    count: int = 0

    def add(self, seconds: float) -> None:
        """Note one duration."""
        self.values.append(seconds)
        self.count += 1

    def percentile(self, share: float) -> float | None:
        """The value that `share` (0..1) of the kept durations do not exceed; None without any."""
        if not self.values:
            return None
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class Stats:
    """All counters (by name, some with a camera) and stage timings."""

    counts: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    stages: dict[str, Timings] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Note how long a stage took."""
        self.stages.setdefault(stage, Timings()).add(seconds)

    def percentiles(self) -> Mapping[str, Mapping[str, float]]:
        """p50 and p95 of every stage in milliseconds."""
        return {
            stage: {
                "p50_ms": round(1000 * (timings.percentile(0.50) or 0.0), 1),
                "p95_ms": round(1000 * (timings.percentile(0.95) or 0.0), 1),
            }
            for stage, timings in sorted(self.stages.items())
        }
