"""dlib's HOG detector: in the packages, no further weights; finds faces that look at the camera."""

from __future__ import annotations

import copy
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Literal

from pydantic import Field

from uSense.aio import Lane
from uSense.core.models import Box, Face, Picture
from uSense.detectors.base import SearchSettings
from uSense.ports import Detector

_WINDOW = 80
"""Height in pixels of the smallest face the trained window covers."""


class HogSettings(SearchSettings):
    """Find faces with dlib's HOG detector (faces towards the camera, nothing to download)."""

    kind: Literal["hog"] = "hog"
    """The detector: dlib's histogram of oriented gradients."""
    min_face: int = Field(default=80, ge=20, le=400)
    """Smallest face in pixels of the fitted picture; 40 costs four times as much as 80."""

    @asynccontextmanager
    async def open(self, name: str = "detect") -> AsyncIterator[Detector]:
        """A detector with its own model and thread, both called `name`."""
        async with Lane(name) as lane:
            yield HogDetector(lane, await lane.run(_load), self)


class HogDetector:
    """dlib's detector in one thread; its objects must not be shared by threads."""

    model = "dlib-hog"

    def __init__(self, lane: Lane, finder: Any, settings: HogSettings) -> None:
        self._lane = lane
        self._finder = finder
        self._fit = settings.fit
        self._zoom = _WINDOW / settings.min_face

    async def detect(self, picture: Picture) -> list[Face]:
        return await self._lane.run(self._search, picture)

    def _search(self, picture: Picture) -> list[Face]:
        import dlib  # noqa: PLC0415 - loaded by open()

        width, height = self._fit
        shrink = min(1.0, self._zoom)
        gray = picture.gray((max(1, round(width * shrink)), max(1, round(height * shrink))))
        fitted = gray.shape
        doubled = self._zoom >= 2  # noqa: PLR2004 - what dlib's own pyramid does best
        if self._zoom > 1 and not doubled:
            gray = dlib.resize_image(gray, round(fitted[0] * self._zoom), round(fitted[1] * self._zoom))
        rectangles, scores, _ = self._finder.run(gray, int(math.log2(self._zoom)) if doubled else 0, 0.0)
        across, down = picture.size[0] / gray.shape[1], picture.size[1] / gray.shape[0]
        faces = [
            Face(
                Box(
                    found.left() * across, found.top() * down, (found.right() + 1) * across, (found.bottom() + 1) * down
                ),
                _certainty(score),
            )
            for found, score in zip(rectangles, scores, strict=True)
        ]
        return sorted(faces, key=lambda face: -face.box.area)


def _certainty(score: float) -> float:
    """The open-ended score of dlib, 0 for a face just found, on the scale from 0.5 to 1."""
    return round(0.5 + 0.5 * math.tanh(score), 3)


def _load() -> Any:
    return copy.deepcopy(_unpacked())


@cache
def _unpacked() -> Any:
    import dlib  # noqa: PLC0415 - heavy

    # A third of a second is spent on unpacking it; a copy of it takes a millisecond.
    return dlib.get_frontal_face_detector()
