"""Grades of faces and the gate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from uSense.core.models import Gray, Landmarks, Quality
from uSense.core.quality import Flaw, QualityRules, aside, assess, gate

RULES = QualityRules()
FRONTAL: Landmarks = np.array(((30, 40), (70, 40), (50, 60), (35, 80), (65, 80)), np.float32)


def texture(side: int = 120, brightness: float = 128.0) -> Gray:
    """Blobs of a few pixels, about as sharp as a face in focus."""
    coarse = np.random.default_rng(1).normal(0.0, 40.0, (side // 4, side // 4))
    fine = np.kron(coarse, np.ones((4, 4)))
    smooth = sum(np.roll(fine, (dy, dx), (0, 1)) for dy in range(-2, 3) for dx in range(-2, 3)) / 25
    return np.asarray(np.clip(brightness + smooth * 2, 0, 255), np.uint8)


def blurred(gray: Gray, radius: int) -> Gray:
    """The mean over a square."""
    shifts = [(dy, dx) for dy in range(-radius, radius + 1) for dx in range(-radius, radius + 1)]
    total = np.sum([np.roll(gray.astype(float), shift, (0, 1)) for shift in shifts], axis=0)
    return np.asarray(total / len(shifts), np.uint8)


def turned(nose: float) -> Landmarks:
    """Frontal landmarks with the nose tip moved sideways."""
    moved = FRONTAL.copy()
    moved[2, 0] = nose
    return moved


def test_a_sharp_lit_frontal_face_is_good() -> None:
    """Its quality is near 1, and it says so of every property."""
    quality = assess(texture(), size=120.0, landmarks=FRONTAL, score=0.95)

    assert quality.value > 0.8
    assert quality.size == 120.0
    assert quality.turned == 0.0
    assert 0.4 < quality.brightness < 0.6
    assert gate(quality, RULES) is None


@pytest.mark.parametrize(
    ("spoiled", "flaw"),
    [
        (np.tile(np.linspace(60, 200, 120).astype(np.uint8), (120, 1)), Flaw.BLURRED),
        (np.asarray(texture() // 40, np.uint8), Flaw.TOO_DARK),
        (np.full((120, 120), 254, np.uint8), Flaw.BLURRED),
        (np.asarray(np.clip(texture(brightness=250), 246, 255), np.uint8), Flaw.TOO_BRIGHT),
        (np.random.default_rng(3).integers(0, 255, (120, 120), np.uint8), Flaw.NOISY),
    ],
)
def test_what_is_wrong_is_named(spoiled: Gray, flaw: Flaw) -> None:
    """The worst property is the reason why a face is not looked at."""
    assert gate(assess(spoiled, size=120.0, landmarks=None, score=0.9), RULES) is flaw


def test_a_small_face_is_refused_first() -> None:
    """Size is asked before everything else, in pixels of the camera's picture."""
    assert gate(assess(texture(), size=39.0, landmarks=None, score=0.9), RULES) is Flaw.TOO_SMALL
    assert gate(assess(texture(), size=41.0, landmarks=None, score=0.9), RULES) is None


def test_a_face_in_profile_is_turned_away() -> None:
    """The nose tip beyond an eye is too much, half way to it is not."""
    profile = assess(texture(), size=120.0, landmarks=turned(82.0), score=0.9)
    half = assess(texture(), size=120.0, landmarks=turned(60.0), score=0.9)

    assert gate(profile, RULES) is Flaw.TURNED_AWAY
    assert gate(half, RULES) is None
    assert half.turned == 0.5


def test_a_head_is_turned_to_the_person_s_own_left_or_right() -> None:
    """To the left the nose tip is nearer to the left eye, which is on the right side of the picture."""
    assert aside(turned(60.0)) == 0.5
    assert aside(turned(40.0)) == -0.5
    assert aside(FRONTAL) == 0.0


def test_an_unsure_detector_makes_a_face_doubtful() -> None:
    """If nothing else is wrong, the detection score is the reason."""
    assert gate(assess(texture(), size=120.0, landmarks=FRONTAL, score=0.1), RULES) is Flaw.DOUBTFUL


def test_turning_is_unknown_without_landmarks() -> None:
    """A detector that has none is not held against the face."""
    assert assess(texture(), size=120.0, landmarks=None, score=0.9).turned is None


def test_eyes_in_one_place_are_a_face_turned_away() -> None:
    """Degenerate landmarks are no division by zero."""
    assert assess(texture(), size=120.0, landmarks=np.zeros((5, 2), np.float32), score=0.9).turned == 1.0


def test_noise_is_measured_in_gray_values() -> None:
    """The estimate is near the true standard deviation."""
    noisy = np.clip(texture() + np.random.default_rng(2).normal(0, 10, (120, 120)), 0, 255).astype(np.uint8)

    assert assess(noisy, size=120.0, landmarks=None, score=0.9).noise == pytest.approx(10, rel=0.15)
    assert assess(texture(), size=120.0, landmarks=None, score=0.9).noise < 3


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_blur_and_noise_lower_the_quality(radius: int) -> None:
    """The more, the lower."""
    before = assess(blurred(texture(), radius - 1), size=120.0, landmarks=None, score=0.9)
    after = assess(blurred(texture(), radius), size=120.0, landmarks=None, score=0.9)

    assert after.sharpness < before.sharpness
    assert after.value <= before.value


@given(
    gray=arrays.arrays(np.uint8, st.tuples(st.integers(0, 90), st.integers(0, 90))),
    size=st.floats(0, 5000),
    landmarks=st.none() | arrays.arrays(np.float32, (5, 2), elements=st.floats(-1e4, 1e4, width=32)),
    score=st.floats(-1, 2),
)
def test_any_pixels_have_a_quality(gray: Gray, size: float, landmarks: Landmarks | None, score: float) -> None:
    """Even none at all; the value lies between 0 and 1 and the gate has an opinion."""
    quality = assess(gray, size=size, landmarks=landmarks, score=score)

    assert 0.0 <= quality.value <= 1.0
    assert gate(quality, RULES) in {None, *Flaw}
    assert (gate(quality, RULES) is None) == (quality.size >= RULES.min_size and quality.value >= RULES.min_value)


def test_rules_decide_what_is_too_bad() -> None:
    """Both bounds are settings."""
    quality = Quality(value=0.5, size=60.0, sharpness=0.05, brightness=0.5)

    assert gate(quality, QualityRules(min_size=61)) is Flaw.TOO_SMALL
    assert gate(quality, QualityRules(min_value=0.6)) is Flaw.BLURRED
    assert gate(quality, QualityRules(min_size=10, min_value=0.0)) is None
