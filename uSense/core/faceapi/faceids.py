"""What detect remembers of the faces it gave an id: for a day at most, never on disk, and no more than fit."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from uSense.core.models import Vector


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """A face that was detected: its vector, and the client's word for its recognition model."""

    vector: Vector
    model: str


class FaceIds:
    """At most `bound` faces; the oldest leaves, and `dropped` counts those that left before their time."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.dropped = 0
        self._faces: dict[str, tuple[float, Detected]] = {}
        self._ends: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._faces)

    def add(self, face_id: str, face: Detected, now: float, lifetime: float) -> None:
        """Remember a face for so many seconds."""
        self.expire(now)
        self._faces[face_id] = (now + lifetime, face)
        heapq.heappush(self._ends, (now + lifetime, face_id))
        if len(self._faces) > self.bound:
            del self._faces[next(iter(self._faces))]
            self.dropped += 1
        if len(self._ends) > 2 * self.bound + 1:
            self._ends = sorted((end, known) for known, (end, _) in self._faces.items())

    def find(self, face_id: str, now: float) -> Detected | None:
        """The face of this id, unless its time is over."""
        end, face = self._faces.get(face_id, (0.0, None))
        return face if now < end else None

    def expire(self, now: float) -> None:
        """Forget the faces whose time is over."""
        while self._ends and self._ends[0][0] <= now:
            _, face_id = heapq.heappop(self._ends)
            self._faces.pop(face_id, None)
