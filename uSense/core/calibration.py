"""What a score is worth: the probability that the identity told is right, under a stated share of strangers.

The log odds that the nearest person is the right one are linear in the score and the lead over the runner-up (logistic
regression; Platt, "Probabilistic outputs for support vector machines", 1999), plus those of the prior. The score is
taken less what the decision's rule of doubt takes off for poor quality. So the probability is smooth, and never falls
when score or lead rise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from uSense.core.events import Decision

MOST_SURE = 0.99
"""No confidence is higher, and none lower than the rest to 1: the few people it was fitted on prove no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The constants of one model, for as many enrolled people as strangers."""

    score: float
    """Log odds a point of score."""
    margin: float
    """Log odds a point of lead."""
    even: float
    """The score at which, with a lead of 0, right and wrong are as likely."""
    doubt: float = 0.25
    """What each point of quality below `clear` takes off the score."""
    clear: float = 0.50
    furthest: float = 0.15
    """A larger lead says no more; where nobody else is enrolled it is as large as the score."""

    def nearest_is_right(self, score: float, margin: float, quality: float, strangers: float) -> float:
        """Probability that the nearest person is the right one; `strangers` is their share among those in sight."""
        lead = min(max(margin, 0.0), self.furthest)
        sure = score - self.doubt * max(0.0, self.clear - quality)
        odds = self.score * (sure - self.even) + self.margin * lead + math.log((1.0 - strangers) / strangers)
        return _sigmoid(odds)


MODELS = {
    "dlib-resnet-v1": Calibration(score=62.4, margin=17.6, even=0.5436),
}
"""Fitted by `python benchmarks/calibration.py`, on the photos of benchmarks/fit.py; other models have none."""


def confidence(model: str, decision: Decision, strangers: float, *, known: bool) -> float | None:
    """Probability that a decision is right: that the person named is, or that nobody enrolled is there.

    None for models without a calibration, and where nobody was compared.
    """
    calibration = MODELS.get(model)
    if calibration is None or decision.score is None or not math.isfinite(decision.score):
        return None
    right = calibration.nearest_is_right(decision.score, decision.margin or 0.0, decision.quality, strangers)
    return min(max(right if known else 1.0 - right, 1.0 - MOST_SURE), MOST_SURE)


def _sigmoid(odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-odds)) if odds > 0 else math.exp(odds) / (1.0 + math.exp(odds))
