"""What happened, and the vital signs: bounded, choosable, and without those who are gone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.history import DAY, SERIES, Happening, History, Kind, Trust, Vitals, Wanted, signs, thinned


def seen(at: float, person_id: str | None = "anna", camera: str = "hall", kind: Kind = Kind.SEEN) -> Happening:
    """Something that happened."""
    return Happening(at, kind, camera, person_id)


@given(st.lists(st.floats(0, 100), max_size=40), st.integers(1, 10), st.floats(-200, 200))
def test_nothing_is_shown_too_long_or_kept_too_often(times: list[float], most: int, now: float) -> None:
    """At most so many, of these none too old, newest first; whatever the clock says, nothing is lost by looking."""
    history = History(50.0, most)
    for at in times:
        history.add(seen(at))

    kept = times[::-1][:most]
    young = [at for at in kept if at >= now - 50]
    assert [one.at for one in history.latest(Wanted(), 100, history.oldest(now))] == young
    assert [one.at for one in history.latest(Wanted(), 100)] == kept
    assert [one.at for one in history.unsaved.values()] == kept[::-1]

    history.expire(history.oldest(now))
    assert [one.at for one in history.latest(Wanted(), 100)] == young


@pytest.mark.parametrize(
    ("jumps", "trusted"),
    [
        ({}, [False, False, True, True, True]),
        ({0: 40 * DAY}, [False, False, True, True, True]),
        ({1800: 40 * DAY}, [False, False, False, True, True]),
        ({1800: -40 * DAY, 5400: 40 * DAY}, [False, False, False, False, False]),
        ({7200: 40 * DAY}, [False, False, True, True, False]),
        ({7200: 1.0}, [False, False, True, True, True]),
    ],
)
def test_a_clock_that_jumped_is_not_trusted(jumps: dict[int, float], trusted: list[bool]) -> None:
    """Only after it has gone evenly for an hour, whatever it says, and not any more once it jumps."""
    trust, wall, found = Trust(), 1_700_000_000.0, []
    for steady in range(0, 9000, 1800):
        wall += jumps.get(steady, 0.0)
        found.append(trust.look(wall + steady, float(steady)))

    assert found == trusted


def test_who_was_here_last() -> None:
    """Each person's latest happening; a visit that was somebody else's is none, nor is one that is too old."""
    history = History(1e9)
    rows = [seen(1, "old"), seen(5), seen(6, kind=Kind.LEFT), seen(7), seen(8, kind=Kind.ARRIVED)]
    rows += [seen(8, None, kind=Kind.CORRECTED), Happening(9, Kind.LEFT, "hall", "anna", None, "corrected")]
    for one in [*rows, seen(10, "bea", kind=Kind.LEFT)]:
        history.add(one)

    assert history.last_here(2.0) == {"anna": 6, "bea": 10}


def test_one_can_choose() -> None:
    """By person, camera and kind, each alone and all together."""
    history = History(1e9)
    rows = [seen(1), seen(2, "bea"), seen(3, None, "door", Kind.CAMERA_LOST), seen(4, "anna", "door")]
    for row in rows:
        history.add(row)

    def times(**wanted: str) -> list[float]:
        return [one.at for one in history.latest(Wanted(**wanted), 9)]

    assert times() == [4, 3, 2, 1]
    assert times(person_id="anna") == [4, 1]
    assert times(camera="door") == [4, 3]
    assert times(kind="camera_lost") == [3]
    assert times(person_id="anna", camera="door", kind="seen") == [4]
    assert times(person_id="nobody") == []
    assert [one.at for one in history.latest(Wanted(), 2)] == [4, 3]
    assert history.cameras() == ["door", "hall"]


def test_what_was_kept_comes_before_what_is_new() -> None:
    """An earlier run's rows are not written again."""
    history = History(10.0)
    history.add(seen(20))
    history.load([seen(12), seen(2)])

    assert [one.at for one in history.latest(Wanted(), 9)] == [20, 12, 2]
    assert [one.at for one in history.unsaved.values()] == [20]


def test_what_is_said_of_rows_while_they_are_written_counts() -> None:
    """Rows of a merged person are the other's, are not written twice, and what came meanwhile still is."""
    history = History(1e9)
    history.add(seen(1))
    batch = history.unsaved
    history.merge("anna", "bea")
    history.add(seen(2))
    history.saved(batch)

    assert [one.person_id for one in history.latest(Wanted(), 9)] == ["anna", "bea"]
    assert [one.at for one in history.unsaved.values()] == [2]


def test_who_is_gone_is_forgotten() -> None:
    """What happened to an erased person or a visitor who left is neither shown nor written."""
    history = History(1e9)
    for row in (seen(1), seen(2, "bea"), seen(3, None), Happening(4, Kind.UNKNOWN, "hall", None, "v1")):
        history.add(row)
    history.keep_people({"bea"})
    history.forget_visitor("v1")

    assert [one.at for one in history.latest(Wanted(), 9)] == [3, 2]
    assert [one.at for one in history.unsaved.values()] == [2, 3]


def test_vital_signs_are_kept_for_so_long() -> None:
    """The oldest leave, a series without any number left goes, and gaps are told as such."""
    vitals = Vitals(most=3)
    vitals.add(0, {"fps old": 5.0})
    for at in range(1, 7):
        vitals.add(at, {"memory": float(at)} if at != 5 else {})

    assert vitals.names == ["memory"]
    points = vitals.of("memory", 4)
    assert [at for at, _ in points] == [4, 5, 6]
    assert points[0][1] == 4
    assert math.isnan(points[1][1])
    assert vitals.of("nothing", 0) == []
    earlier = vitals.copy()
    vitals.add(7, {"memory": 7.0})
    assert earlier.of("memory", 6) == [(6, 6)]
    assert earlier.begun == 3


def test_there_is_a_bound_to_their_names() -> None:
    """Whoever renames cameras all day fills no memory."""
    vitals = Vitals()
    vitals.add(0, {f"fps {number}": 1.0 for number in range(SERIES + 5)})

    assert len(vitals.names) == SERIES


def test_numbers_of_a_report() -> None:
    """Counters become rates, and what starts anew is no negative one; text in the quota is none."""
    earlier = {"cpu_s": 10.0, "frames_dropped": {"hall": 5, "door": 9}}
    report = {
        "cpu_s": 13.0,
        "memory_mb": 120.0,
        "temperature_c": None,
        "fps": {"hall": 7.5},
        "frames_dropped": {"hall": 35, "door": 1, "new": 3},
        "frames_skipped": {},
        "stages": {"detect": {"p50_ms": 80.0, "p95_ms": 120.0}},
        "quota": {"left_month": 7, "circuit": "closed"},
    }

    assert signs(report, earlier, 30) == {
        "processor": 0.1,
        "memory": 120.0,
        "temperature": None,
        "fps hall": 7.5,
        "frames_dropped hall": 1.0,
        "frames_dropped door": 0.0,
        "frames_dropped new": None,
        "stage detect p50": 80.0,
        "stage detect p95": 120.0,
        "quota left_month": 7.0,
    }
    assert signs({"quota": None}, {}, 0) == {"memory": None, "temperature": None, "processor": None}


def test_points_are_thinned_to_means() -> None:
    """Each part of the time has the mean of what is in it, or nothing; what lies outside is left out."""
    points = [(0.0, 1.0), (1.0, 3.0), (5.0, math.nan), (9.9, 7.0), (10.0, 99.0), (-1.0, 99.0)]

    found = list(thinned(points, 0.0, 10.0, 5))

    assert [at for at, _ in found] == [1, 3, 5, 7, 9]
    assert (found[0][1], found[4][1]) == (2.0, 7.0)
    assert all(math.isnan(value) for _, value in found[1:4])
