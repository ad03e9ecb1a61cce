"""What the served contract needs beside the ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from uSense.core.faceapi.landmarks import Points
from uSense.core.matching import Metric, Rows
from uSense.core.models import Probe
from uSense.ports import Detector, Groups


class Embedding(Protocol):
    """The net that turns faces into vectors."""

    @property
    def model(self) -> str:
        """Names the net; vectors of another one are never compared."""

    @property
    def metric(self) -> Metric:
        """How its vectors are compared."""

    async def embed(self, probes: Sequence[Probe]) -> list[Rows]:
        """One vector a probe, as a row."""

    async def enroll(self, probe: Probe) -> Rows:
        """The vectors to keep of a face, the plain one first."""

    async def pack(self, probe: Probe) -> bytes:
        """The probe as a crop to keep."""

    async def unpack(self, crop: bytes) -> Probe:
        """The probe in a kept crop; raises BadImageError."""


FindPoints: TypeAlias = Callable[[Probe], Awaitable[Points]]
"""The 68 points of the face in a probe, in crop pixels; raises ModelError."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the calls work with; `threshold` is the score at which the local recognizer names somebody."""

    groups: Groups
    detector: Detector
    embedding: Embedding
    points: FindPoints
    threshold: float
    keep_crops: bool
