"""The 27 landmarks of the Face contract, from the 68 points of dlib's predictor (iBUG's order).

Left and right are the picture's, as in the contract. Points that the predictor does not find are computed from those it
does: `INTERPOLATED` names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float32]
"""(68, 2), x and y."""
Weighted: TypeAlias = Sequence[tuple[int, float]]

_LEFT_EYE, _RIGHT_EYE = range(36, 42), range(42, 48)


def _middle(*points: int) -> Weighted:
    return [(point, 1 / len(points)) for point in points]


_RECIPES: Mapping[str, Weighted] = {
    "pupilLeft": _middle(*_LEFT_EYE),
    "pupilRight": _middle(*_RIGHT_EYE),
    "noseTip": _middle(30),
    "mouthLeft": _middle(48),
    "mouthRight": _middle(54),
    "eyebrowLeftOuter": _middle(17),
    "eyebrowLeftInner": _middle(21),
    "eyeLeftOuter": _middle(36),
    "eyeLeftTop": _middle(37, 38),
    "eyeLeftBottom": _middle(40, 41),
    "eyeLeftInner": _middle(39),
    "eyebrowRightInner": _middle(22),
    "eyebrowRightOuter": _middle(26),
    "eyeRightInner": _middle(42),
    "eyeRightTop": _middle(43, 44),
    "eyeRightBottom": _middle(46, 47),
    "eyeRightOuter": _middle(45),
    "noseRootLeft": [(39, 0.5), (27, 0.25), (28, 0.25)],
    "noseRootRight": [(42, 0.5), (27, 0.25), (28, 0.25)],
    "noseLeftAlarTop": [(31, 0.75), (28, 0.25)],
    "noseRightAlarTop": [(35, 0.75), (28, 0.25)],
    "noseLeftAlarOutTip": _middle(31),
    "noseRightAlarOutTip": _middle(35),
    "upperLipTop": _middle(51),
    "upperLipBottom": _middle(62),
    "underLipTop": _middle(66),
    "underLipBottom": _middle(57),
}
MEASURED = frozenset(name for name, recipe in _RECIPES.items() if len(recipe) == 1)
"""A point of the predictor each."""
BETWEEN = frozenset({"eyeLeftTop", "eyeLeftBottom", "eyeRightTop", "eyeRightBottom"})
"""The middle of the two points that the predictor has of this lid."""
INTERPOLATED = frozenset(_RECIPES) - MEASURED - BETWEEN
"""Computed: the pupils are the middles of the eyes' outlines, wherever the eyes look."""


def named(points: Points) -> dict[str, dict[str, float]]:
    """The landmarks by name, in the contract's order, with one decimal."""
    found = {}
    for name, recipe in _RECIPES.items():
        x, y = np.sum([points[index] * weight for index, weight in recipe], axis=0).tolist()
        found[name] = {"x": round(x, 1), "y": round(y, 1)}
    return found
