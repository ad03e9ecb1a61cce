"""Small charts as SVG paths, each with the words and numbers that say the same."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from uSense.core.history import thinned

WIDTH, HEIGHT = 300, 80
"""Size of the drawing; the page stretches it."""
_POINTS, _ROWS = 100, 12
"""Points of a curve, and rows of the table that says the same."""
_TOP = 6
_NOTHING = 1e-9
"""Below it a value has no height, and a time no length."""
Points: TypeAlias = Sequence[tuple[float, float]]
"""Times and values; NaN where there is none."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart."""

    label: str
    path: str
    """What an SVG path draws; empty if nothing is known."""
    now: str
    """The latest value; empty if there is none."""
    least: str
    most: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over the same time and scale, from 0 on."""

    title: str
    unit: str
    curves: Sequence[Curve]
    top: str
    """The value at the upper edge."""
    begin: str
    end: str
    rows: Sequence[tuple[str, Sequence[str]]]
    """The same as numbers: a time, and the mean of each curve then."""


def chart(title: str, unit: str, series: Sequence[tuple[str, Points]], span: tuple[float, float]) -> Chart | None:
    """A chart of what is known between two times; None if nothing is."""
    begin, end = span
    known = [value for _, points in series for _, value in points if not math.isnan(value)]
    if not known:
        return None
    fine = _fineness([points for _, points in series], end - begin)
    thin = [[*thinned(points, begin, end, fine)] for _, points in series]
    means = [value for points in thin for _, value in points if not math.isnan(value)]
    top = _ceiling(max(means, default=1.0))
    rows = [[*thinned(points, begin, end, _ROWS)] for _, points in series]
    return Chart(
        title=title,
        unit=unit,
        curves=[
            _curve(label, points, _path(few, span, top)) for (label, points), few in zip(series, thin, strict=True)
        ],
        top=number(top),
        begin=clock(begin),
        end=clock(end),
        rows=[
            (clock(row[0][0]), [number(value) for _, value in row])
            for row in zip(*rows, strict=True)
            if not all(math.isnan(value) for _, value in row)
        ],
    )


def number(value: float) -> str:
    """Three digits are enough; a dash for what is not known."""
    return "-" if math.isnan(value) else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004


def clock(at: float) -> str:
    """Hour and minute here."""
    return time.strftime("%H:%M", time.localtime(at))


def _fineness(series: Sequence[Points], width: float) -> int:
    """How many points a curve has: so few that two reports hardly ever leave a gap between them."""
    most = max(series, key=len)
    lasting = most[-1][0] - most[0][0]
    apart = lasting / (len(most) - 1) if lasting > _NOTHING else width
    return max(2, int(min(_POINTS, width / (1.5 * apart))))


def _curve(label: str, points: Points, path: str) -> Curve:
    values = [value for _, value in points if not math.isnan(value)]
    if not values:
        return Curve(label, path, "", "", "")
    return Curve(label, path, number(values[-1]), number(min(values)), number(max(values)))


def _path(points: Points, span: tuple[float, float], top: float) -> str:
    """A line through the points, broken at gaps; a point alone becomes a dash."""
    begin, end = span
    parts: list[str] = []
    drawing = False
    for at, value in points:
        if math.isnan(value):
            drawing = False
            continue
        x, y = (at - begin) / (end - begin) * WIDTH, HEIGHT - value / top * (HEIGHT - _TOP)
        parts.append(f"L{x:.1f} {y:.1f}" if drawing else f"M{x:.1f} {y:.1f}h.1")
        drawing = True
    return "".join(parts)


def _ceiling(value: float) -> float:
    """The next of 1, 2 and 5 times a power of ten; 1 for next to nothing."""
    if value < _NOTHING:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if value <= step * power * (1 + 1e-9))
