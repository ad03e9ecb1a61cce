"""dlib's face ResNet, the default: 128 numbers a face, compared by Euclidean distance, weights from the packages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from uSense import inference
from uSense.core.matching import Metric
from uSense.core.models import Probe, Rgb
from uSense.recognizers.embedders import resnet
from uSense.recognizers.embedders.base import Embedder, Vectors
from uSense.recognizers.embedders.chips import Aligner, weights
from uSense.schema import Branch

_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_PADDING = 0.25
"""Surroundings of the face in a chip, as dlib's net was trained."""


class DlibSettings(Branch):
    """Compare faces with dlib's net, which comes with the packages."""

    least_threshold: ClassVar = 0.35
    """One in seven pairs of different people scores that much (lfw10): a lower threshold decides next to nothing."""
    kind: Literal["dlib"] = "dlib"
    """The embedder: dlib's face ResNet."""
    threads: int = Field(default=1, ge=1, le=16)
    """Threads one embedding may use."""

    def load(self) -> Embedder:
        """The loaded net; blocks for about a second; raises ModelError."""
        made = resnet.model(inference.read(weights(_FILE), _SHA256))
        return DlibEmbedder(inference.session(made, "dlib's face net", threads=self.threads), Aligner())


class DlibEmbedder:
    """Aligned chips of 150 pixels in, vectors out."""

    model = "dlib-resnet-v1"
    metric = Metric.EUCLIDEAN

    def __init__(self, session: inference.Session, aligner: Aligner) -> None:
        self._session = session
        self._aligner = aligner

    def embed(self, probes: Sequence[Probe]) -> Vectors:
        aligner = self._aligner
        return self._vectors([aligner.cut(probe, aligner.standard(probe, resnet.SIDE, _PADDING)) for probe in probes])

    def enroll(self, probe: Probe) -> Vectors:
        place = self._aligner.standard(probe, resnet.SIDE, _PADDING)
        return self._vectors(self._aligner.renderings(probe, place), inference.seldom())

    def _vectors(self, chips: Sequence[Rgb], options: Any = None) -> Vectors:
        return self._session.run(["vectors"], {"chips": np.stack(chips)}, options)[0]
