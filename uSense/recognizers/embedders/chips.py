"""Faces turned upright and cut to the size a net was trained on, by dlib's five-point predictor and resampling."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np

from uSense import inference
from uSense.core.errors import ModelError
from uSense.core.models import Box, Landmarks, Probe, Rgb

_FIVE_POINTS = "shape_predictor_5_face_landmarks.dat"
_FIVE_POINTS_SHA256 = "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"

_SHIFTS = (0.0, 0.03, -0.03)
"""How far the renderings at enrollment are moved right and down, in chip widths."""


def weights(name: str) -> Path:
    """Where the package of dlib's models keeps `name`; the package is found, not imported: its import is broken."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the package face_recognition_models is not installed: pip install face_recognition_models")
    return Path(spec.submodule_search_locations[0]) / "models" / name


class Aligner:
    """Finds five points in probes and cuts chips; built and used in one thread."""

    def __init__(self) -> None:
        import dlib  # noqa: PLC0415 - heavy: loaded with the model

        path = weights(_FIVE_POINTS)
        inference.read(path, _FIVE_POINTS_SHA256)
        self._dlib = dlib
        self._predictor = dlib.shape_predictor(str(path))

    def points(self, probe: Probe) -> Any:
        """The five points of dlib (corners of both eyes, base of the nose) of the face in the probe's box."""
        x0, y0, x1, y1 = squared(probe.box)
        rectangle = self._dlib.rectangle(round(x0), round(y0), round(x1) - 1, round(y1) - 1)
        return self._predictor(np.ascontiguousarray(probe.crop), rectangle)

    def three(self, probe: Probe) -> Landmarks:
        """Center of the right eye, of the left eye and base of the nose, (3, 2) crop pixels."""
        found = self.points(probe)
        left, inner_left, right, inner_right, nose = ((found.part(i).x, found.part(i).y) for i in range(5))
        eyes = (np.mean((right, inner_right), axis=0), np.mean((left, inner_left), axis=0))
        return np.asarray((*eyes, nose), np.float32)

    def standard(self, probe: Probe, side: int, padding: float) -> Any:
        """Place of the chip as dlib's nets expect it: `side` pixels square, with `padding` around the face."""
        return self._dlib.get_face_chip_details(self.points(probe), side, padding)

    def fitted(self, points: Landmarks, template: Landmarks, side: int) -> Any:
        """Place of the chip in which `points` lie on `template` as well as a similarity can bring them there."""
        dlib = self._dlib
        there = dlib.dpoints([dlib.dpoint(x, y) for x, y in template.tolist()])
        here = dlib.dpoints([dlib.dpoint(x, y) for x, y in points.tolist()])
        return dlib.chip_details(there, here, dlib.chip_dims(side, side))

    def cut(self, probe: Probe, place: Any) -> Rgb:
        """The chip at `place`; black where it reaches over the crop's edge."""
        chip: Rgb = self._dlib.extract_image_chip(np.ascontiguousarray(probe.crop), place)
        return chip

    def renderings(self, probe: Probe, place: Any) -> list[Rgb]:
        """The chip and slightly moved ones, each followed by its mirror image."""
        chips = [self.cut(probe, self._moved(place, shift)) for shift in _SHIFTS]
        return [view for chip in chips for view in (chip, np.ascontiguousarray(chip[:, ::-1]))]

    def _moved(self, place: Any, shift: float) -> Any:
        rect = place.rect
        dx, dy = shift * rect.width(), shift * rect.height()
        moved = self._dlib.drectangle(rect.left() + dx, rect.top() + dy, rect.right() + dx, rect.bottom() + dy)
        return self._dlib.chip_details(moved, self._dlib.chip_dims(place.rows, place.cols), place.angle)


def squared(box: Box) -> tuple[float, float, float, float]:
    """The square that dlib's detector would draw around the face in `box`: the predictor was trained on those.

    Fitted on 232 faces that both detectors found; a square stays as it is.
    """
    half = math.sqrt(box.area) / 2
    x, y = box.center
    y += 0.24 * (box.height - box.width)
    return x - half, y - half, x + half, y + half
