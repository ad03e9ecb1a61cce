"""What the calls share: groups, galleries, pictures, and the faces that were detected."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from uSense.aio import Lane
from uSense.core.faceapi import faults
from uSense.core.faceapi.faceids import Detected, FaceIds
from uSense.core.scale import confidence
from uSense.faceapi.galleries import Galleries
from uSense.faceapi.pictures import Pictures
from uSense.faceapi.seams import Parts
from uSense.faceapi.settings import FaceApiSettings


class Service:
    """The state behind the served contract."""

    def __init__(self, settings: FaceApiSettings, parts: Parts, pictures: Pictures, galleries: Galleries) -> None:
        self.settings = settings
        self.parts = parts
        self.pictures = pictures
        self.galleries = galleries
        self.face_ids = FaceIds(settings.face_ids)
        self.calls = 0
        self.refused = 0
        """Calls beyond the rate limit."""
        self.turned_away = 0
        """Connections that were one too many."""

    def remember(self, face_id: str, face: Detected, lifetime: float) -> None:
        """Keep a detected face for so many seconds."""
        self.face_ids.add(face_id, face, time.monotonic(), lifetime)

    def detected(self, face_id: str, *, otherwise: int = 400) -> Detected:
        """The face that detect gave this id; raises Fault with the status `otherwise`."""
        face = self.face_ids.find(face_id, time.monotonic())
        if face is None:
            raise faults.face_not_found(otherwise)
        return face

    def confidence(self, score: float) -> float:
        """A score of the local net on the contract's scale."""
        return confidence(score, self.parts.threshold)

    def turn_away(self) -> None:
        """Count a connection that was one too many."""
        self.turned_away += 1

    def counters(self) -> dict[str, int]:
        """Counters for health."""
        return {
            "face_api_calls": self.calls,
            "face_api_refused": self.refused,
            "face_api_turned_away": self.turned_away,
            "face_ids_dropped": self.face_ids.dropped,
        }


@asynccontextmanager
async def open_service(settings: FaceApiSettings, parts: Parts) -> AsyncIterator[Service]:
    """The state with its thread; trainings under way end with it and count as interrupted."""
    async with Lane("face-api") as lane, asyncio.TaskGroup() as tasks:
        galleries = Galleries(parts, tasks)
        try:
            yield Service(settings, parts, Pictures(lane, parts.detector), galleries)
        finally:
            galleries.stop()
