"""The service's vital signs, for `usense/health`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from uSense.core.stats import Stats
from uSense.times import rfc3339

THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")


class Health:
    """Gathers one report after the other; rates are over the time between two reports."""

    def __init__(
        self,
        stats: Stats,
        problems: Callable[[], Mapping[str, str]],
        counters: Callable[[], Mapping[str, int]],
        quota: Callable[[], Mapping[str, Any] | None] = lambda: None,
        thermal: str | Path = "",
    ) -> None:
        self.stats = stats
        self.problems = problems
        self.counters = counters
        self.quota = quota
        self.thermal = Path(thermal) if thermal else THERMAL
        self.protection: Callable[[], Mapping[str, Any]] = lambda: {"share": 1.0, "causes": [], "slowdowns": 0}
        """How much the machine is spared."""
        self.latest: Mapping[str, Any] = {}
        """The latest report, empty before the first."""
        self._started = self._last = time.monotonic()
        self._frames: Counter[str] = Counter()
        self._process = psutil.Process()

    def report(self) -> dict[str, Any]:
        """The present state as JSON: `ok`, or `degraded` with the reasons. Reads /proc: not for the event loop."""
        now = time.monotonic()
        elapsed = max(now - self._last, 1e-6)
        frames = Counter(self.stats.frames)
        rates = {camera: round((frames[camera] - self._frames[camera]) / elapsed, 1) for camera in frames}
        self._frames, self._last = frames, now
        problems = {**self.problems()}
        try:
            memory: float | None = round(self._process.memory_info().rss / 1e6, 1)
            processor: float | None = round(sum(self._process.cpu_times()[:2]), 1)
        except OSError as error:
            # What health is there for: nothing may be opened any more, /proc neither.
            memory = processor = None
            problems["process"] = (
                f"{error.strerror}: if it lasts, raise the limit of open files (ulimit -n, LimitNOFILE)"
            )
        self.latest = {
            "state": "degraded" if problems else "ok",
            "at": rfc3339(time.time()),
            "problems": problems,
            "reason": "; ".join(f"{what}: {why}" for what, why in sorted(problems.items())),
            "uptime_s": round(now - self._started),
            "fps": rates,
            "frames_skipped": {camera: self.stats.skipped[camera] for camera in frames},
            "frames_dropped": {camera: self.stats.dropped[camera] for camera in frames},
            "counts": dict(sorted({**self.stats.counts, **self.counters()}.items())),
            "stages": self.stats.percentiles(),
            "quota": self.quota(),
            "memory_mb": memory,
            "cpu_s": processor,
            "temperature_c": self._temperature(),
            "protection": self.protection(),
        }
        return {**self.latest}

    def _temperature(self) -> float | None:
        try:
            return round(int(self.thermal.read_text(encoding="ascii")) / 1000, 1)
        except (OSError, ValueError):
            return None
