"""One face's vector: dlib's own net against the same net on onnxruntime, alone and with the product's alignment."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import dlib
import numpy as np
from PIL import Image

from uSense import imaging, inference
from uSense.core.models import Box, Face, Probe
from uSense.demo import portraits
from uSense.recognizers.embedders import resnet
from uSense.recognizers.embedders.base import Vectors
from uSense.recognizers.embedders.chips import Aligner, weights
from uSense.recognizers.embedders.dlib import DlibSettings

P = ParamSpec("P")
T = TypeVar("T")

ROUNDS = 8
_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_PADDING = 0.25


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Median CPU seconds a face, and the largest difference between two numbers of a vector."""

    dlib: float
    net: float
    product: float
    batched: float
    difference: float
    calls: int


def run() -> Embeddings:
    """Measure on the demo's portraits, every way in turn."""
    probes = faces()
    aligner, embedder = Aligner(), DlibSettings().load()
    chips = [aligner.cut(probe, aligner.standard(probe, resnet.SIDE, _PADDING)) for probe in probes]
    theirs = dlib.face_recognition_model_v1(str(weights(_FILE)))
    net = _Net(inference.session(resnet.model(inference.read(weights(_FILE))), "dlib's face net"))
    taken: dict[str, list[float]] = {"dlib": [], "net": [], "product": [], "batched": []}
    difference = 0.0
    for _ in range(ROUNDS):
        for probe, chip in zip(probes, chips, strict=True):
            expected = np.array(_timed(taken["dlib"], theirs.compute_face_descriptor, chip))
            alone = _timed(taken["net"], net.vectors, chip)
            whole = _timed(taken["product"], embedder.embed, (probe,))
            difference = max(difference, *(float(np.abs(ours[0] - expected).max()) for ours in (alone, whole)))
        _timed(taken["batched"], embedder.embed, probes)
    medians = {way: statistics.median(times) for way, times in taken.items()}
    medians["batched"] /= len(probes)
    return Embeddings(**medians, difference=difference, calls=len(taken["dlib"]))


@dataclass(frozen=True, slots=True)
class _Net:
    session: inference.Session

    def vectors(self, chip: Any) -> Vectors:
        """The net alone, on one chip."""
        return self.session.run(["vectors"], {"chips": chip[None]})[0]


def faces() -> list[Probe]:
    """The two people, each in four renderings, cut out as the pipeline does."""
    return [
        _probe(data, portraits.PICTURE_SIZE / pose.width)
        for portrait in (portraits.GRACE, portraits.EILEEN)
        for pose, data in zip(portraits.POSES, portraits.pictures(portrait), strict=True)
    ]


def _probe(data: bytes, height: float) -> Probe:
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    low, high = (portraits.PICTURE_SIZE - height) / 2, (portraits.PICTURE_SIZE + height) / 2
    return imaging.probe(imaging.ArrayPicture(pixels), Face(Box(low, low, high, high), 1.0))


def _timed(times: list[float], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    begun = time.process_time()
    result = call(*args, **kwargs)
    times.append(time.process_time() - begun)
    return result
