"""What the calibration benchmark is made of."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import calibration
from benchmarks.calibration import Bin, Told
from tests.support.values import answer
from uSense.core.calibration import MODELS
from uSense.core.judging import DecisionRules
from uSense.core.models import Quality
from uSense.core.voting import Ballot, Verdict, VotingRules, judge

CLEAR = Quality(value=1.0, size=120.0, sharpness=1.0, brightness=0.5)


def verdict(score: float, other: float = 0.1) -> Verdict:
    """The decided verdict of equal looks."""
    ballot = Ballot(VotingRules())
    votes = [judge(answer(("anna", score), ("bert", other)), CLEAR, DecisionRules()) for _ in range(4)]
    return [ballot.cast(vote) for vote in votes][-1]


def told(score: float, *, stranger: bool) -> Told:
    """A told track, of Anna or of a stranger who is most like her."""
    made = verdict(score)
    return Told(made, calibration._value(made), stranger, not stranger, "group")


def test_the_regression_finds_what_made_the_data() -> None:
    """Slopes and intercept of a known curve, from many draws."""
    generator = np.random.default_rng(1)
    values = generator.normal(0.4, 0.2, (40_000, 2))
    right = (generator.random(40_000) < 1 / (1 + np.exp(-(9.0 * values[:, 0] + 3.0 * values[:, 1] - 4.5)))).astype(
        float
    )

    found = calibration.logistic(values, right, np.full(40_000, 1 / 40_000))

    assert found.tolist() == [pytest.approx(-4.5, abs=0.2), pytest.approx(9.0, abs=0.3), pytest.approx(3.0, abs=0.3)]


def test_strangers_weigh_as_much_as_the_prior_says() -> None:
    """However many tracks of each there are."""
    weights = calibration.weights([told(0.6, stranger=False)] * 3 + [told(0.3, stranger=True)] * 7, 0.2)

    assert weights.tolist() == [pytest.approx(0.8 / 3)] * 3 + [pytest.approx(0.2 / 7)] * 7


def test_the_error_is_the_distance_from_what_was_promised() -> None:
    """Weighted by the share of the events."""
    bins = [Bin(0.2, 1, 0.25, 0.25, 0.05), Bin(0.9, 9, 0.75, 0.95, 0.97)]

    assert calibration.expected_error(bins) == pytest.approx(0.25 * 0.2 + 0.75 * 0.02)


def test_names_and_unknowns_are_held_to_their_own_truth() -> None:
    """A name is right if it is the person's, unknown if a stranger is there."""
    events = [told(0.7, stranger=False), told(0.2, stranger=True), told(0.7, stranger=True)]

    (names,) = calibration.reliability(events, (True,))
    (unknown,) = calibration.reliability(events, (False,))

    assert (names.events, unknown.events) == (2, 1)
    assert [names.right, unknown.right] == pytest.approx([0.8 / 0.9, 1.0])


def test_the_code_holds_what_was_fitted() -> None:
    """Constants that differ and errors that are too large are told as sentences."""
    used = MODELS[calibration.MODEL]
    good, bad = [Bin(0.9, 1, 1.0, 0.95, 0.96)], [Bin(0.9, 1, 1.0, 0.95, 0.90)]

    assert calibration.failures(used, used, {"names": good}) == []
    assert calibration.failures(used, used, {"names": bad}) == ["names: expected calibration error 0.0500 > 0.03"]
