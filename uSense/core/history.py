"""What happened in the last days, and the vital signs of the last day: rings that say what they forget."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from uSense.core.presence import Reason

MOST = 5000
"""Happenings that are kept at most."""
DAY = 86_400.0
TRUSTED = 3600.0
"""Seconds that a clock has to go evenly before anything is forgotten by it."""
JUMP = 60.0
"""Seconds by which it may be set meanwhile."""
SIGNS = 2880
"""Reports of vital signs that are kept: a day of them, one each 30 s."""
SERIES = 256
"""Vital signs that are kept apart at most: each camera has three, each stage two."""
_SPARE = 240
"""How many old reports leave at once."""
_NONE = math.nan


class Kind(StrEnum):
    """What a happening is."""

    SEEN = "seen"
    UNKNOWN = "unknown"
    CORRECTED = "corrected"
    ARRIVED = "arrived"
    LEFT = "left"
    CAMERA_LOST = "camera_lost"
    CAMERA_BACK = "camera_back"
    TRAINED = "trained"
    TRAINING_FAILED = "training_failed"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened at a wall-clock time; of people only their ids, so that no name outlives its owner."""

    at: float
    kind: Kind
    camera: str = ""
    person_id: str | None = None
    visitor_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which happenings are asked for; what is empty does not choose."""

    person_id: str = ""
    camera: str = ""
    kind: str = ""

    def fits(self, one: Happening) -> bool:
        """Whether it is one of these."""
        asked = ((self.person_id, one.person_id), (self.camera, one.camera), (self.kind, one.kind))
        return all(not wanted or wanted == found for wanted, found in asked)


class History:
    """Happenings of the last days, oldest first, and which of them are not on the disk yet."""

    def __init__(self, lasting: float, most: int = MOST) -> None:
        self._lasting = lasting
        self._kept: deque[Happening] = deque(maxlen=most)
        self._new: dict[int, Happening] = {}
        self._number = 0

    def load(self, rows: Iterable[Happening]) -> None:
        """Put what an earlier run kept before what was heard already."""
        rows = sorted(rows, key=lambda one: one.at)
        self._kept = deque([*rows, *self._kept], maxlen=self._kept.maxlen)

    def add(self, one: Happening) -> None:
        """Remember one; the oldest of too many leaves."""
        self._kept.append(one)
        self._number += 1
        self._new[self._number] = one
        self._new.pop(self._number - (self._kept.maxlen or MOST), None)

    def expire(self, oldest: float) -> None:
        """Forget what is older; what a clock set back makes later than now stays."""
        self._change(lambda one: one if one.at >= oldest else None)

    def oldest(self, now: float) -> float:
        """The time before which nothing is shown, nor kept if `now` can be trusted."""
        return now - self._lasting

    def merge(self, person_id: str, into: str) -> None:
        """What happened to one person happened to another."""
        self._change(lambda one: replace(one, person_id=into) if one.person_id == person_id else one)

    def keep_people(self, person_ids: Collection[str]) -> None:
        """Forget what happened to anybody else."""
        self._change(lambda one: one if one.person_id is None or one.person_id in person_ids else None)

    def forget_visitor(self, visitor_id: str) -> None:
        """Forget what happened to a visitor."""
        self._change(lambda one: None if one.visitor_id == visitor_id else one)

    @property
    def unsaved(self) -> dict[int, Happening]:
        """What is not on the disk, by numbers that are never used twice."""
        return {**self._new}

    def saved(self, numbers: Iterable[int]) -> None:
        """These are on the disk now, whatever was said of them meanwhile."""
        for number in numbers:
            self._new.pop(number, None)

    def latest(self, wanted: Wanted, most: int, oldest: float = -math.inf) -> list[Happening]:
        """The latest of those that are wanted and not older, newest first."""
        found: list[Happening] = []
        for one in reversed(self._kept):
            if one.at >= oldest and wanted.fits(one):
                found.append(one)
                if len(found) == most:
                    break
        return found

    def last_here(self, oldest: float = -math.inf) -> dict[str, float]:
        """When each person was here last, by id; who was only taken for them does not count."""
        found: dict[str, float] = {}
        mistaken: set[str] = set()
        for one in reversed(self._kept):
            if one.person_id is None or one.at < oldest or one.person_id in found:
                continue
            if one.kind is Kind.LEFT and one.detail == Reason.CORRECTED:
                mistaken.add(one.person_id)
            elif one.kind is Kind.LEFT or one.person_id not in mistaken:
                found[one.person_id] = one.at
        return found

    def cameras(self) -> list[str]:
        """All cameras at which something happened."""
        return sorted({one.camera for one in self._kept} - {""})

    def _change(self, change: Callable[[Happening], Happening | None]) -> None:
        kept = (change(one) for one in self._kept)
        self._kept = deque((one for one in kept if one is not None), maxlen=self._kept.maxlen)
        new = ((number, change(one)) for number, one in self._new.items())
        self._new = {number: one for number, one in new if one is not None}


class Trust:
    """Whether a wall clock went evenly for so long that what is too old by it may be forgotten.

    A machine without a clock battery starts somewhere in the past and jumps, once or twice, when it hears the time.
    """

    def __init__(self) -> None:
        self._ahead = math.nan
        self._since = 0.0

    def look(self, wall: float, steady: float) -> bool:
        """Compare it with a clock that never jumps; each time before something is forgotten."""
        if not abs(wall - steady - self._ahead) <= JUMP:
            self._since = steady
        self._ahead = wall - steady
        return steady - self._since >= TRUSTED


class Vitals:
    """Vital signs of the last day as numbers by name; a number that a report lacks is NaN."""

    def __init__(self, most: int = SIGNS) -> None:
        self._most = most
        self._times = array("d")
        self._series: dict[str, array[float]] = {}

    def copy(self) -> Vitals:
        """The same as they are now, to be looked at elsewhere meanwhile."""
        copied = Vitals(self._most)
        copied._times = self._times[:]
        copied._series = {name: ring[:] for name, ring in self._series.items()}
        return copied

    def add(self, at: float, signs: Mapping[str, float | None]) -> None:
        """One report; a name beyond the bound is not kept."""
        for name in signs:
            if name not in self._series and len(self._series) < SERIES:
                self._series[name] = array("f", [_NONE] * len(self._times))
        self._times.append(at)
        for name, series in self._series.items():
            value = signs.get(name)
            series.append(_NONE if value is None else value)
        if len(self._times) >= self._most + min(_SPARE, self._most):
            self._forget(len(self._times) - self._most)

    def _forget(self, number: int) -> None:
        for ring in (self._times, *self._series.values()):
            del ring[:number]
        self._series = {name: ring for name, ring in self._series.items() if not all(map(math.isnan, ring))}

    @property
    def begun(self) -> float | None:
        """The time of the oldest report; None without any."""
        return self._times[0] if self._times else None

    @property
    def names(self) -> list[str]:
        """All that is known, by name."""
        return sorted(self._series)

    def of(self, name: str, since: float) -> list[tuple[float, float]]:
        """Times and values from `since` on, NaN where there is none."""
        pairs = zip(self._times, self._series.get(name, ()), strict=False)
        return [(at, value) for at, value in pairs if at >= since]


def signs(report: Mapping[str, Any], earlier: Mapping[str, Any], seconds: float) -> dict[str, float | None]:
    """The numbers of a report for `usense/health` by name; dropped pictures and processor time are told a second."""

    def rate(now: float | None, before: float | None) -> float | None:
        return None if now is None or before is None or seconds <= 0 else max(0.0, now - before) / seconds

    found: dict[str, float | None] = {
        "memory": report.get("memory_mb"),
        "temperature": report.get("temperature_c"),
        "processor": rate(report.get("cpu_s"), earlier.get("cpu_s")),
    }
    for camera, fps in report.get("fps", {}).items():
        found[f"fps {camera}"] = fps
    for field in ("frames_dropped", "frames_skipped"):
        before = earlier.get(field, {})
        for camera, number in report.get(field, {}).items():
            found[f"{field} {camera}"] = rate(number, before.get(camera))
    for stage, times in report.get("stages", {}).items():
        found |= {f"stage {stage} p50": times["p50_ms"], f"stage {stage} p95": times["p95_ms"]}
    for name, number in (report.get("quota") or {}).items():
        if isinstance(number, int | float) and not isinstance(number, bool):
            found[f"quota {name}"] = float(number)
    return found


def thinned(
    points: Sequence[tuple[float, float]], begin: float, end: float, number: int
) -> Iterator[tuple[float, float]]:
    """At most `number` points between two times: the mean of each part of the time, NaN where there is nothing."""
    width = (end - begin) / number
    sums = [[0.0, 0] for _ in range(number)]
    for at, value in points:
        part = math.floor((at - begin) / width)
        if 0 <= part < number and not math.isnan(value):
            sums[part][0] += value
            sums[part][1] += 1
    for part, (total, count) in enumerate(sums):
        yield begin + (part + 0.5) * width, total / count if count else _NONE
