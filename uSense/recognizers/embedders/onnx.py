"""A net of the user's own: any ONNX embedder of faces of 112 x 112 pixels, aligned by five points as ArcFace does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from uSense import inference
from uSense.core.errors import ModelError
from uSense.core.matching import Metric
from uSense.core.models import Landmarks, Probe, Rgb
from uSense.recognizers.embedders.base import Embedder, Vectors
from uSense.recognizers.embedders.chips import Aligner
from uSense.schema import Branch, Mark

_SIDE = 112
_PLANES = 4

TEMPLATE: Landmarks = np.array(
    ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)), np.float32
)
"""Where ArcFace's training put the eyes, the nose tip and the mouth corners; source: insightface face_align.py."""
THREE_POINTS: Landmarks = np.array(((37.60, 52.95), (73.57, 52.74), (55.74, 80.66)), np.float32)
"""Where the centers of both eyes and the base of the nose lie in such a chip.

dlib's template of its five points, brought here by the similarity between the detector's template in dlib's chips and
`TEMPLATE`.
"""


class OnnxSettings(Branch):
    """Compare faces with an ONNX embedder of your own (112 x 112, aligned by five points)."""

    least_threshold: ClassVar = 0.10
    """Two vectors that have nothing to do with each other often have such a cosine."""
    kind: Literal["onnx"]
    """The embedder: an ONNX file."""
    path: Annotated[Path, Mark.NEEDED]
    """The ONNX file."""
    metric: Metric = Metric.COSINE
    """How its vectors are compared; adjust `rules.threshold` to the net."""
    channels: Literal["rgb", "bgr"] = "rgb"
    """Order of the colors the net expects."""
    mean: float = Field(default=127.5, ge=0, le=255)
    """Subtracted from every color value, 0 to 255."""
    std: float = Field(default=127.5, gt=0, le=255)
    """What the difference is divided by."""
    threads: int = Field(default=1, ge=1, le=16)
    """Threads one embedding may use."""

    def load(self) -> Embedder:
        """The loaded net; blocks; raises ModelError."""
        data = inference.read(self.path)
        session = inference.session(data, str(self.path), threads=self.threads)
        return OnnxEmbedder(session, Aligner(), self, hashlib.sha256(data).hexdigest())


class OnnxEmbedder:
    """Aligned chips of 112 pixels in, vectors out; unit vectors where only the angle counts."""

    def __init__(self, session: inference.Session, aligner: Aligner, settings: OnnxSettings, sha256: str) -> None:
        self._session = session
        self._aligner = aligner
        self._settings = settings
        self.metric = settings.metric
        traits = f"{sha256} {settings.channels} {settings.mean} {settings.std}"
        self.model = f"onnx-{hashlib.sha256(traits.encode()).hexdigest()[:12]}"
        entry = session.get_inputs()[0]
        self._input: str = entry.name
        self._first = _channel_axis(entry.shape, settings.path) == 1
        self._single = entry.shape[0] == 1

    def embed(self, probes: Sequence[Probe]) -> Vectors:
        return self._vectors([self._aligner.cut(probe, self._place(probe)) for probe in probes])

    def enroll(self, probe: Probe) -> Vectors:
        return self._vectors(self._aligner.renderings(probe, self._place(probe)), inference.seldom())

    def _place(self, probe: Probe) -> Any:
        if probe.landmarks is not None:
            return self._aligner.fitted(probe.landmarks, TEMPLATE, _SIDE)
        return self._aligner.fitted(self._aligner.three(probe), THREE_POINTS, _SIDE)

    def _vectors(self, chips: Sequence[Rgb], options: Any = None) -> Vectors:
        batch = np.stack(chips)
        if self._settings.channels == "bgr":
            batch = batch[..., ::-1]
        if self._first:
            batch = batch.transpose(0, 3, 1, 2)
        ready = (np.ascontiguousarray(batch, np.float32) - self._settings.mean) / self._settings.std
        parts = [ready[i : i + 1] for i in range(len(ready))] if self._single else [ready]
        rows = np.concatenate([self._session.run(None, {self._input: part}, options)[0] for part in parts])
        rows = rows.reshape(len(chips), -1)
        if self.metric is Metric.COSINE:
            rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return np.asarray(rows, np.float32)


def _channel_axis(shape: Sequence[int | str | None], path: Path) -> int:
    """1 or 3, where the three colors are in the net's input; raises ModelError for other nets."""
    if len(shape) == _PLANES:
        for axis in (1, 3):
            sides = [size for index, size in enumerate(shape) if index not in (0, axis)]
            if shape[axis] == 3 and all(size == _SIDE or not isinstance(size, int) for size in sides):  # noqa: PLR2004 - red, green, blue
                return axis
    raise ModelError(f"{path} takes {shape}, not one color picture of 112 x 112: it is no such embedder")
