"""What a score is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.calibration import MODELS, MOST_SURE, confidence
from uSense.core.events import Decision

MODEL = "dlib-resnet-v1"
CALIBRATION = MODELS[MODEL]
DECISION = Decision(
    score=0.61, runner_up=0.22, margin=0.39, threshold=0.5, votes=3, looks=3, quality=0.8, reason="agreed"
)
scores = st.floats(-1, 1)
margins = st.floats(0, 1)
shares = st.floats(0.01, 0.99)


@given(a=scores, b=scores, lead=margins, quality=shares, strangers=shares)
def test_a_better_score_is_never_less_sure(a: float, b: float, lead: float, quality: float, strangers: float) -> None:
    """Everything else the same."""
    low, high = (CALIBRATION.nearest_is_right(score, lead, quality, strangers) for score in sorted((a, b)))

    assert 0.0 <= low <= high <= 1.0


@given(score=scores, a=margins, b=margins, quality=shares, strangers=shares)
def test_a_larger_lead_is_never_less_sure(score: float, a: float, b: float, quality: float, strangers: float) -> None:
    """Everything else the same."""
    low, high = (CALIBRATION.nearest_is_right(score, lead, quality, strangers) for lead in sorted((a, b)))

    assert low <= high


@given(score=scores, lead=margins, quality=shares, a=shares, b=shares)
def test_more_strangers_make_every_name_less_sure(
    score: float, lead: float, quality: float, a: float, b: float
) -> None:
    """The prior shifts the odds."""
    few, many = (CALIBRATION.nearest_is_right(score, lead, quality, strangers) for strangers in sorted((a, b)))

    assert few >= many


@given(score=scores, lead=margins, quality=shares)
def test_a_name_and_unknown_are_sure_together(score: float, lead: float, quality: float) -> None:
    """The two confidences of the same numbers add up to one, and neither claims certainty."""
    decision = replace(DECISION, score=score, margin=lead, quality=quality)
    named, unknown = (confidence(MODEL, decision, 0.2, known=known) for known in (True, False))

    assert named is not None
    assert unknown is not None
    assert named + unknown == pytest.approx(1.0)
    assert 1.0 - MOST_SURE <= named <= MOST_SURE


def test_a_clear_name_is_surer_than_a_close_one() -> None:
    """Names near the threshold are no certainties, and poor pictures make them less sure."""
    clear = confidence(MODEL, DECISION, 0.2, known=True)
    close = confidence(MODEL, replace(DECISION, score=0.51, margin=0.08), 0.2, known=True)
    poor = confidence(MODEL, replace(DECISION, score=0.51, margin=0.08, quality=0.3), 0.2, known=True)

    assert clear == MOST_SURE
    assert close is not None
    assert poor is not None
    assert 0.5 < close < 0.95
    assert poor < close


def test_without_a_runner_up_the_lead_proves_no_more() -> None:
    """With one person enrolled the whole score is the lead, which is more than counts."""
    alone = confidence(MODEL, replace(DECISION, score=0.51, runner_up=None, margin=0.51), 0.2, known=True)

    assert alone == confidence(MODEL, replace(DECISION, score=0.51, margin=CALIBRATION.furthest), 0.2, known=True)


@pytest.mark.parametrize("score", [None, float("-inf"), float("nan")])
def test_nothing_is_said_where_nothing_is_known(score: float | None) -> None:
    """Of models that were not calibrated, and where nobody was compared."""
    assert confidence("onnx-of-mine", DECISION, 0.2, known=True) is None
    assert confidence(MODEL, replace(DECISION, score=score), 0.2, known=False) is None
