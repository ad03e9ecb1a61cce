"""One scale of confidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.scale import IDENTICAL, confidence

scores = st.floats(-10, 10)
thresholds = st.floats(0, 1)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_the_threshold_is_what_clients_ask_for(threshold: float) -> None:
    """The local threshold is 0.7 on the scale, whatever it is."""
    assert confidence(threshold, threshold) == pytest.approx(0.7)


def test_identical_begins_a_little_below_the_threshold() -> None:
    """With dlib's threshold of 0.5 it is 0.034 below; a stranger's score is far from it."""
    assert confidence(0.467, 0.5) > IDENTICAL > confidence(0.465, 0.5)
    assert confidence(0.40, 0.5) < 0.2
    assert confidence(0.60, 0.5) > 0.95


@given(scores, scores, thresholds)
def test_it_is_monotone(a: float, b: float, threshold: float) -> None:
    """A higher score never has a lower confidence."""
    low, high = sorted((a, b))
    assert confidence(low, threshold) <= confidence(high, threshold)


@given(scores, thresholds)
def test_it_is_a_share_with_five_decimals(score: float, threshold: float) -> None:
    """From 0 to 1, as the service writes it."""
    value = confidence(score, threshold)
    assert 0 <= value <= 1
    assert value == round(value, 5)
