"""One scale of confidence for all calls of the Face contract, whatever the scores of the net in use look like."""

from __future__ import annotations

import math

AT_THRESHOLD = 0.7
"""The confidence at the threshold: what clients of 2018 ask for before they name somebody."""
IDENTICAL = 0.5
"""From this confidence on two faces are called identical; it lies a little below the threshold."""

_WIDTH = 0.08
"""How far above the threshold the odds are e times as high, as a share of the threshold."""
_NARROWEST = 0.001
_STEEPEST = 700.0
"""The largest exponent that a float can hold."""


def confidence(score: float, threshold: float) -> float:
    """A score on the scale of `threshold` as a confidence of 0 to 1 with five decimals: logistic, so monotone."""
    width = max(_WIDTH * threshold, _NARROWEST)
    odds = (score - threshold) / width + math.log(AT_THRESHOLD / (1 - AT_THRESHOLD))
    return round(1 / (1 + math.exp(min(-odds, _STEEPEST))), 5)
