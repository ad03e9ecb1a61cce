"""Charts say what the numbers say."""

from __future__ import annotations

import math
import re
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from uSense.web.charts import HEIGHT, WIDTH, chart, number

_VALUES = st.one_of(st.floats(0, 1e6), st.just(math.nan))


def test_it_has_words_a_drawing_and_a_table() -> None:
    """Each curve with its latest, least and largest value, the scale, and the means by time."""
    points = [(float(at), 10.0 + at / 100) for at in range(0, 1200, 10)]

    made = chart("Memory", "MB", [("memory", points), ("other", [])], (0.0, 1200.0))

    assert made is not None
    assert (made.curves[0].now, made.curves[0].least, made.curves[0].most) == ("21.9", "10", "21.9")
    assert (made.curves[1].path, made.curves[1].now) == ("", "")
    assert made.top == "50"
    assert len(made.rows) == 12
    assert made.rows[0][1] == ["10.4", "-"]


def test_nothing_known_is_no_chart() -> None:
    """Neither without reports nor with empty ones."""
    assert chart("Temperature", "°C", [("temperature", [(1.0, math.nan)])], (0.0, 10.0)) is None
    assert chart("Temperature", "°C", [], (0.0, 10.0)) is None


def test_gaps_stay_gaps() -> None:
    """Where the service did not run, no line pretends to know."""
    points = [(float(at), math.nan if 30 < at < 60 else 1.0) for at in range(100)]

    made = chart("x", "", [("x", points)], (0.0, 100.0))

    assert made is not None
    assert made.curves[0].path.count("M") == 2


def test_reports_that_are_far_apart_are_one_line() -> None:
    """A service that has run for minutes has a curve already, whatever few reports there are."""
    points = [(400.0 + 30 * number + number % 3, 5.0) for number in range(7)]

    made = chart("x", "", [("x", points)], (0.0, 600.0))

    assert made is not None
    assert made.curves[0].path.count("M") == 1


@given(st.lists(st.tuples(st.floats(0, 1000), _VALUES), max_size=50))
@example([(0.0, 5e-324)])
@example([(0.0, 0.0), (5e-324, math.nan)])
def test_nothing_leaves_the_drawing(points: list[tuple[float, float]]) -> None:
    """Whatever is measured, the line stays inside and goes from left to right."""
    made = chart("x", "", [("x", sorted(points, key=lambda pair: pair[0]))], (0.0, 1000.0))

    if made is None:
        assert all(math.isnan(value) for _, value in points)
        return
    places = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", made.curves[0].path)]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert all(before[0] <= after[0] for before, after in pairwise(places))


def test_numbers_are_short() -> None:
    """Three digits are enough to read."""
    assert [number(value) for value in (0.0, 0.12345, 12.345, 1234.5, math.nan)] == ["0", "0.123", "12.3", "1,234", "-"]
