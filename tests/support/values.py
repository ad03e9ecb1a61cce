"""Small builders of core values for tests."""

from __future__ import annotations

import numpy as np

from uSense.core.events import Portrait
from uSense.core.models import Answer, Box, Candidate, Face, Frame, Probe, Quality, Rgb, Size

GOOD = Quality(value=0.8, size=120.0, sharpness=1.0, brightness=0.5)


def portrait(seq: int) -> Portrait:
    """The gray face that a sighting was decided by."""
    return Portrait(seq, "hall", Probe(Plain((64, 64)).rgb(), Box(8, 8, 56, 56), GOOD))


class Plain:
    """The smallest Picture there is: one gray value."""

    def __init__(self, size: Size = (640, 480)) -> None:
        self.size = size

    def rgb(self, fit: Size | None = None) -> Rgb:
        width, height = fit or self.size
        return np.full((height, width, 3), 128, np.uint8)

    def gray(self, fit: Size | None = None) -> Rgb:
        return self.rgb(fit)[..., 0]


def face(x: float, y: float = 100.0, size: float = 100.0, score: float = 1.0) -> Face:
    """A square face whose center is at x, y."""
    half = size / 2
    return Face(Box(x - half, y - half, x + half, y + half), score)


def frame(now: float, *, camera: str = "hall", scene: int = 1) -> Frame:
    """A frame captured `now`; the wall clock runs 1,000,000 seconds ahead of the monotonic one."""
    luma = np.zeros((120, 160), np.uint8)
    return Frame(camera=camera, captured_at=now + 1e6, stamp=now, scene=scene, luma=luma, picture=Plain())


def answer(*candidates: tuple[str, float], gallery: int = 1) -> Answer:
    """An answer naming persons by their id, which is also their name."""
    return Answer(tuple(Candidate(name, name, score) for name, score in candidates), gallery)
