"""How usable a face is, from its pixels and landmarks; and what is too bad to be looked at.

Every property gets a grade between 0 (useless) and 1 (as good as it needs to be); the product of all is the quality.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from uSense.core.bounds import Share
from uSense.core.models import Gray, Landmarks, Quality

_SIDE = 64
"""Sharpness is measured on faces at most this wide: it is about what an embedder sees, not about the lens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRules:
    """The gate before a face is compared with anybody."""

    min_size: Annotated[float, Interval(ge=0, le=4096)] = 40.0
    """Smallest face height in pixels of the camera's picture."""
    min_value: Share = 0.15
    """Lowest overall quality, 0 to 1."""


class Flaw(StrEnum):
    """Why a face is not looked at; each one tells the person what to change."""

    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    NOISY = "noisy"
    TURNED_AWAY = "turned_away"
    DOUBTFUL = "doubtful"
    UNSEEN = "unseen"
    """The recognizer finds no face there."""


def assess(gray_face: Gray, *, size: float, landmarks: Landmarks | None, score: float) -> Quality:
    """Quality of the face that fills `gray_face`; `size` is its height in the camera's picture, `score` the detector's.

    Sharpness is the energy of the Laplacian relative to the contrast, so that neither light nor skin decides it. Noise
    is a standard deviation in gray values (Immerkaer, "Fast noise variance estimation", 1996).
    """
    small = _shrunk(gray_face)
    sharpness = _sharpness(small)
    brightness = float(small.mean()) / 255.0 if small.size else 0.0
    noise = _noise(gray_face)
    turned = None if landmarks is None else abs(aside(landmarks))
    measured = Quality(1.0, size, round(sharpness, 3), round(brightness, 3), turned, round(noise, 1))
    value = math.prod(_grades(measured).values()) * min(1.0, max(0.0, score))
    return replace(measured, value=round(value, 3))


def gate(quality: Quality, rules: QualityRules) -> Flaw | None:
    """The worst flaw of a face that must not be looked at; None for a usable one."""
    if quality.size < rules.min_size:
        return Flaw.TOO_SMALL
    if quality.value >= rules.min_value:
        return None
    grades = _grades(quality)
    known = math.prod(grades.values())
    grades[Flaw.DOUBTFUL] = quality.value / known if known else 1.0
    return min(grades, key=lambda flaw: grades[flaw])


def aside(landmarks: Landmarks) -> float:
    """How far the head is turned to the person's own left: 0 facing the camera, 1 with the nose tip in front of an eye.

    Negative to the right.
    """
    right, left, nose = landmarks[0], landmarks[1], landmarks[2]
    axis = left - right
    span = float(axis @ axis)
    if span == 0.0:
        return 1.0
    return round(float((nose - (right + left) / 2) @ axis) / span * 2.0, 3)


def _grades(measured: Quality) -> dict[Flaw, float]:
    """The grade of each property, under the name of the flaw it would be."""
    return {
        Flaw.TOO_SMALL: _ramp(measured.size, 20.0, 80.0),
        Flaw.BLURRED: _ramp(measured.sharpness, 0.0, 0.10),
        Flaw.TOO_DARK: _ramp(measured.brightness, 0.02, 0.15),
        Flaw.TOO_BRIGHT: _ramp(-measured.brightness, -0.98, -0.85),
        Flaw.NOISY: _ramp(-measured.noise, -20.0, -4.0),
        Flaw.TURNED_AWAY: 1.0 if measured.turned is None else _ramp(-measured.turned, -1.6, -0.5),
    }


def _ramp(value: float, worst: float, best: float) -> float:
    return min(1.0, max(0.0, (value - worst) / (best - worst)))


def _shrunk(gray: Gray) -> NDArray[np.float32]:
    """The picture with block means, at most `_SIDE` pixels wide and high."""
    step = max(1, -(-max(gray.shape, default=1) // _SIDE))
    rows, columns = gray.shape[0] // step, gray.shape[1] // step
    blocks = gray[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))


def _sharpness(gray: NDArray[np.float32]) -> float:
    if min(gray.shape) < 3:  # noqa: PLR2004 - the Laplacian needs a neighbor on every side
        return 0.0
    inner = gray[1:-1, 1:-1]
    laplacian = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:] - 4.0 * inner
    contrast = float(inner.std())
    return float(laplacian.std()) / (8.0 * contrast) if contrast > 1.0 else 0.0


def _noise(gray: Gray) -> float:
    if min(gray.shape) < 3:  # noqa: PLR2004 - as above
        return 0.0
    values = gray.astype(np.int16)
    across = values[:, :-2] - 2 * values[:, 1:-1] + values[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return math.sqrt(math.pi / 2) / 6 * float(np.abs(both).mean())
