"""68 points of a face by dlib's predictor, which comes with the packages; loaded when somebody asks for the first."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uSense.aio import Lane
from uSense.core.errors import ModelError
from uSense.core.models import Probe
from uSense.recognizers.embedders.chips import squared, weights

_FILE = "shape_predictor_68_face_landmarks.dat"
_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"


class SixtyEight:
    """The predictor in a thread of its own. It takes 100 MB from the first question on."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._predictor: Any = None

    async def find(self, probe: Probe) -> NDArray[np.float32]:
        """The points (68, 2) of the face in the probe's box, in crop pixels; raises ModelError."""
        return await self._lane.run(self._find, probe)

    def _find(self, probe: Probe) -> NDArray[np.float32]:
        import dlib  # noqa: PLC0415 - heavy: paid for when it is used

        if self._predictor is None:
            self._predictor = dlib.shape_predictor(_checked())
        x0, y0, x1, y1 = squared(probe.box)
        rectangle = dlib.rectangle(round(x0), round(y0), round(x1) - 1, round(y1) - 1)
        found = self._predictor(np.ascontiguousarray(probe.crop), rectangle)
        return np.array([(point.x, point.y) for point in found.parts()], np.float32)


@asynccontextmanager
async def open_points() -> AsyncIterator[SixtyEight]:
    """The predictor, not loaded yet."""
    async with Lane("embed-points") as lane:
        yield SixtyEight(lane)


def _checked() -> str:
    path = weights(_FILE)
    try:
        with path.open("rb") as file:
            right = hashlib.file_digest(file, "sha256").hexdigest() == _SHA256
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from error
    if not right:
        raise ModelError(f"{path} is not the file it should be (wrong SHA-256): install it again")
    return str(path)
