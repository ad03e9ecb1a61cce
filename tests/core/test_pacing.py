"""Pauses, even spacing, and a camera's rate."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.pacing import FramePace, backoff


@given(st.floats(0, 1))
def test_pauses_grow_to_the_cap_and_stay_spread(jitter: float) -> None:
    """Every pause lies within 75 to 125 % of a value that grows to the cap and stays there."""
    pauses = list(islice(backoff(0.5, 30.0, lambda: jitter), 40))

    assert 0.375 <= pauses[0] <= 0.625
    assert all(later >= earlier for earlier, later in pairwise(pauses))
    assert 22.5 <= pauses[-1] <= 37.5


def test_a_camera_slows_down_when_frames_are_overwritten_and_recovers() -> None:
    """The rate falls to one frame a second at the least and comes back to the full rate."""
    pace = FramePace(0.1)
    for _ in range(20):
        pace.overwritten()
    slow = pace.interval
    for _ in range(60):
        pace.taken()

    assert slow == 1.0
    assert pace.interval == 0.1


def test_a_camera_that_is_slow_by_setting_is_not_made_faster() -> None:
    """A camera set to one frame in five seconds keeps that interval."""
    pace = FramePace(5.0)
    pace.overwritten()

    assert pace.interval == 5.0


def test_a_spared_camera_takes_a_share_of_what_it_took() -> None:
    """A camera that fell to three frames a second is halved from there, and goes on from there afterwards."""
    pace = FramePace(0.1)
    pace.overwritten()
    pace.overwritten()
    pace.overwritten()
    busy = pace.interval
    pace.spare(0.5, 1.0)
    for _ in range(60):
        pace.taken()
    spared = pace.interval
    pace.spare(0.25, 1.0)
    more = pace.interval
    pace.spare(1.0, 1.0)

    assert busy == pytest.approx(0.3375)
    assert spared == pytest.approx(2 * busy)
    assert more == 1.0
    assert pace.interval == busy


@given(st.floats(0.01, 20), st.lists(st.sampled_from([1.0, 0.5, 0.25, 0.125, "taken", "overwritten"]), max_size=50))
def test_sparing_keeps_a_least_rate_and_never_makes_faster(fastest: float, history: list[float | str]) -> None:
    """Whatever happens, the rate is not above the camera's own, and sparing alone leaves a frame a second."""
    pace, longest = FramePace(fastest), 1.0
    for event in history:
        if event == "taken":
            pace.taken()
        elif event == "overwritten":
            pace.overwritten()
        else:
            pace.spare(float(event), longest)
        assert fastest <= pace.interval <= max(longest, fastest) + 1e-9
