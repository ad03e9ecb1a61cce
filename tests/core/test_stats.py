"""Counters and percentiles."""

from __future__ import annotations

from uSense.core.stats import KEPT, Stats, Timings


def test_percentiles_are_of_the_latest_durations_and_memory_is_bounded() -> None:
    """Only the latest durations count; all are counted."""
    timings = Timings()
    for _ in range(1000):
        timings.add(9.0)
    for milliseconds in range(KEPT):
        timings.add(milliseconds / 1000)

    assert len(timings.values) == KEPT
    assert timings.count == 1000 + KEPT
    assert timings.percentile(0.5) == KEPT // 2 / 1000


def test_without_durations_there_is_no_percentile() -> None:
    """A stage that never ran has no percentile."""
    assert Timings().percentile(0.5) is None


def test_stages_are_shown_in_milliseconds() -> None:
    """Health shows p50 and p95 of every stage."""
    stats = Stats()
    for value in (0.010, 0.020, 0.030):
        stats.add("detect", value)

    assert stats.percentiles() == {"detect": {"p50_ms": 20.0, "p95_ms": 30.0}}
