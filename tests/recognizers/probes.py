"""Probes of two people, as the product cuts them."""

from __future__ import annotations

from functools import cache

import numpy as np

from tests.support.portraits import EILEEN, GRACE, pose
from uSense import imaging
from uSense.core.models import Box, Face, Probe, Rgb

_PLACES = {id(GRACE): (0.5, 0.49, 0.31), id(EILEEN): (0.5, 0.475, 0.36)}
"""Center and size of dlib's box in each portrait, in parts of its side."""


@cache
def grace(number: int = 0) -> Probe:
    """Another rendering for every number."""
    return _probe(GRACE, number)


@cache
def eileen(number: int = 0) -> Probe:
    """Another rendering for every number."""
    return _probe(EILEEN, number)


def nobody() -> Probe:
    """A box in which there is no face at all."""
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), np.uint8)
    return imaging.probe(imaging.ArrayPicture(noise), Face(Box(100, 100, 300, 300), 0.5))


def _probe(photo: Rgb, number: int) -> Probe:
    x, y, size = _PLACES[id(photo)]
    picture = pose(photo, number)
    side = picture.shape[0]
    box = Box((x - size / 2) * side, (y - size / 2) * side, (x + size / 2) * side, (y + size / 2) * side)
    return imaging.probe(imaging.ArrayPicture(picture), Face(box, 0.95))
