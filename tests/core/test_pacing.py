"""Pauses, even spacing, and a camera's rate."""

from __future__ import annotations

from itertools import islice, pairwise

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
