"""The seam between the local recognizer and its nets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from uSense.core.matching import Metric
from uSense.core.models import Probe

Vectors: TypeAlias = NDArray[np.float32]
"""(n, d), one embedding a row."""


class Embedder(Protocol):
    """A loaded net. Its methods block and must not overlap: they run in the recognizer's lane."""

    model: str
    """Names the net and everything that shapes its vectors; templates of another model are never compared."""
    metric: Metric
    """How its vectors are compared."""

    def embed(self, probes: Sequence[Probe]) -> Vectors:
        """One vector a probe, in order."""

    def enroll(self, probe: Probe) -> Vectors:
        """The vectors to keep of a face: plain first, then of its slightly changed renderings."""
