"""The local net for others than the recognizer: vectors of faces, and faces as they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from uSense import keepsake
from uSense.aio import Lane
from uSense.core.matching import Metric, Rows
from uSense.core.models import Probe
from uSense.recognizers.embedders.base import Embedder

_AT_ONCE = 4
"""Faces embedded before others have their turn in the lane."""


class LocalEmbedding:
    """A loaded net in its lane, which it may share with a recognizer."""

    def __init__(self, lane: Lane, embedder: Embedder) -> None:
        self._lane = lane
        self._embedder = embedder

    @property
    def model(self) -> str:
        return self._embedder.model

    @property
    def metric(self) -> Metric:
        return self._embedder.metric

    async def embed(self, probes: Sequence[Probe]) -> list[Rows]:
        """One vector a probe, as a row."""
        rows: list[Rows] = []
        for begin in range(0, len(probes), _AT_ONCE):
            found = await self._lane.run(self._embedder.embed, probes[begin : begin + _AT_ONCE])
            rows.extend(found[index : index + 1] for index in range(len(found)))
        return rows

    async def enroll(self, probe: Probe) -> Rows:
        """The vectors to keep of a face, the plain one first."""
        return await self._lane.run(self._embedder.enroll, probe)

    async def pack(self, probe: Probe) -> bytes:
        """The probe as a crop to keep."""
        return await asyncio.to_thread(keepsake.pack, probe)

    async def unpack(self, crop: bytes) -> Probe:
        """The probe in a kept crop; raises BadImageError."""
        return await asyncio.to_thread(keepsake.unpack, crop)
