"""How a day's writes are made of what was measured."""

from __future__ import annotations

from benchmarks.writes import Day, Scene, a_day, failures, table

SCENES = [
    Scene("empty", 60.0, 1_000),
    Scene("people", 60.0, 100_000, counts={"sightings_recognized": 10}),
    Scene("strangers", 60.0, 500_000, counts={"sightings_unknown": 5}),
    Scene("start", 1.0, 70_000),
    Scene("backup", 1.0, 850_000),
    Scene("history", 1.0, 40_000),
    Scene("sweep", 1.0, 2_000_000, counts={"faces": 20}),
    Scene("broker saves", 1.0, 50_000),
]
DAY = Day(arrivals=24, at_home=10, strangers=20, faces=100, backups=1, sweeps=4, starts=1, broker_saves=96)


def test_a_day_is_made_of_what_was_measured() -> None:
    """Each part is scaled by how often it happens."""
    parts = a_day(SCENES, DAY)

    assert list(parts.values()) == [1_440_000, 240_000, 300_000, 2_000_000, 2_720_000, 40_000_000, 850_000, 70_000]
    assert "a day 47.6 MB, a year 17.4 GB" in table(SCENES, parts, DAY)
    assert "a card of 30 TB lasts 173 years if it writes 10 times as much inside" in table(SCENES, parts, DAY)
    assert "4.8 MB a day more" in table(SCENES, parts, DAY)
    assert failures(parts) == []


def test_too_much_is_told() -> None:
    """Both bounds are checked."""
    assert failures({"everything": 400e6}) == [
        "a day takes 400 MB, 300 are allowed",
        "a card lasts 21 years, 25 are promised",
    ]
