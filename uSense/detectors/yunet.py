"""YuNet on onnxruntime: finds faces of any pose with five landmarks, in a fraction of HOG's time; weights are separate.

Method: Wu, Peng, Yu, "YuNet: a tiny millisecond-level face detector", 2023. Input BGR 0..255, sides multiples of 32.
For each stride s the outputs are class and objectness, box (center offset and log size, in strides) and five points.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from uSense import inference
from uSense.aio import Lane
from uSense.core.errors import DetectorError, ModelError
from uSense.core.models import Box, Face, Picture, Rgb, Size
from uSense.detectors.base import SearchSettings
from uSense.ports import Detector
from uSense.schema import Mark

Floats = NDArray[np.float32]

_STRIDES = (8, 16, 32)
_OUTPUTS = [f"{part}_{stride}" for stride in _STRIDES for part in ("cls", "obj", "bbox", "kps")]
_OVERLAP = 0.3
"""Boxes whose intersection is a larger part of their union are the same face."""
_MOST = 200
"""Faces looked at closely, best first; more are noise."""
_TOLERANCE = 0.9
"""The box of a face wavers by about a tenth, so a face of just `min_face` must not come and go."""


class YunetSettings(SearchSettings):
    """Find faces with YuNet (all poses, five landmarks, fast)."""

    kind: Literal["yunet"] = "yunet"
    """The detector: YuNet on onnxruntime."""
    path: Annotated[Path | None, Mark.NEEDED] = None
    """File of weights, YuNet of 2023; by default the one that `usense models fetch yunet` keeps in `data_dir`."""
    min_face: int = Field(default=40, ge=10, le=400)
    """Smallest face in pixels of the fitted picture."""
    score: float = Field(default=0.6, gt=0, lt=1)
    """Lowest detection score, 0 to 1."""
    threads: int = Field(default=1, ge=1, le=16)
    """Threads one search may use."""

    @asynccontextmanager
    async def open(self, name: str = "detect") -> AsyncIterator[Detector]:
        """A detector with its own model and thread, both called `name`; raises DetectorError."""
        async with Lane(name) as lane:
            yield YunetDetector(lane, await lane.run(_load, self), self)


class YunetDetector:
    """One YuNet session in one thread, with a reused input buffer."""

    model = "yunet"

    def __init__(self, lane: Lane, session: inference.Session, settings: YunetSettings) -> None:
        self._lane = lane
        self._session = session
        self._settings = settings
        entry = session.get_inputs()[0]
        self._input: str = entry.name
        rows, columns = entry.shape[2:]
        self._fixed: Size | None = (columns, rows) if isinstance(rows, int) and isinstance(columns, int) else None
        self._buffer: Floats = np.empty((0,), np.float32)
        self._used = (0, 0)

    async def detect(self, picture: Picture) -> list[Face]:
        return await self._lane.run(self._search, picture)

    def _search(self, picture: Picture) -> list[Face]:
        fit = self._settings.fit
        if self._fixed is not None:
            fit = min(fit[0], self._fixed[0]), min(fit[1], self._fixed[1])
        rgb = picture.rgb(fit)
        scale = np.array((picture.size[0] / rgb.shape[1], picture.size[1] / rgb.shape[0]), np.float32)
        outputs = self._session.run(_OUTPUTS, {self._input: self._filled(rgb)})
        boxes, points, scores = _decoded(outputs, self._buffer.shape[3], self._settings.score)
        tall = boxes[:, 3] - boxes[:, 1] >= self._settings.min_face * _TOLERANCE
        boxes, points, scores = boxes[tall], points[tall], scores[tall]
        kept = _distinct(boxes, scores)
        boxes, points = boxes[kept] * np.tile(scale, 2), points[kept] * scale
        faces = [
            Face(Box(*box), round(score, 3), five)
            for box, score, five in zip(boxes.tolist(), scores[kept].tolist(), points, strict=True)
        ]
        return sorted(faces, key=lambda face: -face.box.area)

    def _filled(self, rgb: Rgb) -> Floats:
        """The input buffer with the picture in its upper left corner, blue first, and zeros around."""
        rows, columns = rgb.shape[:2]
        width, height = self._fixed or (-(-columns // 32) * 32, -(-rows // 32) * 32)
        if self._buffer.shape[2:] != (height, width) or self._used != (rows, columns):
            self._buffer = np.zeros((1, 3, height, width), np.float32)
            self._used = rows, columns
        self._buffer[0, :, :rows, :columns] = rgb.transpose(2, 0, 1)[::-1]
        return self._buffer


def _decoded(outputs: list[Floats], width: int, least: float) -> tuple[Floats, Floats, Floats]:
    """Boxes (n, 4), points (n, 5, 2) and scores (n,) of all cells that reach the score, best first; input pixels."""
    boxes, points, scores = [], [], []
    for index, stride in enumerate(_STRIDES):
        classes, objects, offsets, marks = (output[0] for output in outputs[4 * index : 4 * index + 4])
        products = classes[:, 0] * objects[:, 0]
        hits = np.flatnonzero(products >= least * least)
        cells = np.stack((hits % (width // stride), hits // (width // stride)), axis=1).astype(np.float32)
        centers = (cells + offsets[hits, :2]) * stride
        halves = np.exp(offsets[hits, 2:]) * (stride / 2)
        boxes.append(np.concatenate((centers - halves, centers + halves), axis=1))
        points.append((marks[hits].reshape(-1, 5, 2) + cells[:, None, :]) * stride)
        scores.append(np.sqrt(products[hits]))
    found = np.concatenate(scores)
    order = np.argsort(-found)[:_MOST]
    return np.concatenate(boxes)[order], np.concatenate(points)[order], np.minimum(found[order], 1.0)


def _distinct(boxes: Floats, scores: Floats) -> list[int]:
    """Rows of the boxes that no better one overlaps too much; `scores` falls."""
    kept: list[int] = []
    left = np.arange(len(scores))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        inner = np.minimum(boxes[best, 2:], boxes[left, 2:]) - np.maximum(boxes[best, :2], boxes[left, :2])
        shared = np.prod(np.maximum(inner, 0.0), axis=1)
        left = left[shared <= _OVERLAP * (areas[best] + areas[left] - shared)]
    return kept


def _load(settings: YunetSettings) -> inference.Session:
    if settings.path is None:
        raise DetectorError("detector yunet: there are no weights: `usense models fetch yunet`, or set detector.path")
    try:
        session = inference.session(inference.read(settings.path), str(settings.path), threads=settings.threads)
    except ModelError as error:
        raise DetectorError(f"detector yunet: {error}") from error
    if not set(_OUTPUTS) <= {output.name for output in session.get_outputs()}:
        raise DetectorError(f"detector yunet: {settings.path} is an ONNX model, but not YuNet: set detector.path")
    return session
