"""How the service is, as the pages say it: in words, as charts, and what happened."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from uSense.core.history import DAY, Happening, Kind, Vitals
from uSense.web.charts import Chart, Points, chart, clock

_SHORTEST = 120.0
"""Seconds that a chart shows at least."""
_BAD = frozenset({Kind.CAMERA_LOST, Kind.TRAINING_FAILED})
_GOOD = frozenset({Kind.CAMERA_BACK, Kind.TRAINED, Kind.ARRIVED})


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong."""

    what: str
    why: str
    todo: str


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened, as it is told; `link` leads to whom it is about."""

    clock: str
    kind: str
    mood: str
    who: str
    link: str
    camera: str
    detail: str


def troubles(report: Mapping[str, Any], advice: Mapping[str, str]) -> list[Trouble]:
    """What is wrong, and what to do about it."""
    return [
        Trouble(part, why, advice.get(part.split(" ")[0].split("-")[0], advice["other"]))
        for part, why in sorted(report.get("problems", {}).items())
    ]


def charts(vitals: Vitals, words: Mapping[str, Any], now: float) -> list[Chart]:
    """All that is known of the last day, the most important first."""
    begun = vitals.begun
    if begun is None:
        return []
    span = (max(min(begun, now - _SHORTEST), now - DAY), now)

    def points(name: str) -> Points:
        return vitals.of(name, span[0])

    found: list[Chart | None] = []
    for camera in _of(vitals, "fps "):
        curves = [(words[name], points(f"{name} {camera}")) for name in ("fps", "frames_skipped", "frames_dropped")]
        found.append(chart(words["camera"].format(camera=camera), words["per_second"], curves, span))
    stages = {name.removesuffix(" p50").removesuffix(" p95") for name in _of(vitals, "stage ")}
    known = [stage for stage in words["stages"] if stage in stages]
    for stage in [*known, *sorted(stages - {*known})]:
        curves = [(words[share], points(f"stage {stage} {share}")) for share in ("p50", "p95")]
        found.append(chart(words["stages"].get(stage, stage), "ms", curves, span))
    for name, unit in (("processor", "%"), ("memory", "MB"), ("temperature", "°C")):
        times = 100 if unit == "%" else 1
        one = [(words[name], [(at, value * times) for at, value in points(name)])]
        found.append(chart(words[name], unit, one, span))
    for name, label in words["quota"].items():
        found.append(chart(words["cloud"], words["requests"], [(label, points(f"quota {name}"))], span))
    return [one for one in found if one is not None]


def days(happenings: Sequence[Happening], names: Mapping[str, str], words: Mapping[str, Any]) -> list[Any]:
    """What happened, day by day; `names` are those of the people who are enrolled."""
    return [
        (day, [_line(one, names, words) for one in those])
        for day, those in groupby(happenings, lambda one: time.strftime("%A, %d %B", time.localtime(one.at)))
    ]


def _line(one: Happening, names: Mapping[str, str], words: Mapping[str, Any]) -> Line:
    who, link = "", ""
    if one.person_id:
        who, link = names.get(one.person_id, words["somebody"]), f"/people/{one.person_id}"
    elif one.visitor_id:
        who, link = words["visitor"], f"/visitors/{one.visitor_id}"
    elif one.kind in {Kind.UNKNOWN, Kind.CORRECTED}:
        who = words["stranger"]
    mood = "bad" if one.kind in _BAD else "good" if one.kind in _GOOD else ""
    return Line(clock(one.at), one.kind, mood, who, link, one.camera, _detail(one, words))


def _detail(one: Happening, words: Mapping[str, Any]) -> str:
    if one.kind is Kind.TRAINED:
        persons, _, faces = one.detail.partition(", ")
        return str(words["training"].format(persons=persons, faces=faces))
    if one.kind is Kind.LEFT:
        return str(words["reasons"].get(one.detail, ""))
    return one.detail


def _of(vitals: Vitals, beginning: str) -> list[str]:
    return [name.removeprefix(beginning) for name in vitals.names if name.startswith(beginning)]
