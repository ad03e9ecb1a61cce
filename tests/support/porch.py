"""A camera's scene with what follows unknown people, and visitors made of a few numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.support.stand_ins import Ears, Oracle
from tests.support.values import GOOD, answer, face, frame
from uSense.core.announcing import AnnounceRules
from uSense.core.events import Notice, Sighting
from uSense.core.models import Answer, Box, Embedding, Metric, Probe, Vector
from uSense.core.scene import Look, Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.tracking import Ask, TrackingRules
from uSense.core.visitors import VisitorRules
from uSense.core.voting import VotingRules
from uSense.ports import Recognizer, Visitors
from uSense.query import Query
from uSense.visitors import Visiting

RULES = SceneRules(
    tracking=TrackingRules(lost_after=0.5, lost_looks=2, recheck=1.0),
    voting=VotingRules(needed=2, unknown_needed=3, window=4),
    announce=AnnounceRules(repeat_after=10.0),
)
_NOISE = np.random.default_rng(5)


def stranger(number: int, *, width: int = 16) -> Vector:
    """The face of one of 16 strangers, a little different each time; the same score 0.9, others below 0."""
    there = np.zeros(width, np.float32)
    there[number] = 1.0
    noise = _NOISE.standard_normal(width)
    return np.asarray(there + 0.05 * noise / np.linalg.norm(noise), np.float32)


def embedding(vector: Vector, model: str = "oracle") -> Embedding:
    """The vector as a recognizer tells it."""
    return Embedding(model, Metric.EUCLIDEAN, vector)


def probe(shade: int = 90) -> Probe:
    """A face as it was cut out."""
    return Probe(np.full((40, 30, 3), shade, np.uint8), Box(5, 5, 25, 35), GOOD)


class Porch:
    """Plays visits; the wall clock is the real one, but for what `wait` adds."""

    def __init__(self, store: Visitors, rules: VisitorRules | None = None, oracle: Recognizer | None = None) -> None:
        self.ears = Ears()
        self.oracle = oracle or Oracle(answer())
        self.visiting = Visiting(rules or VisitorRules(), store, self.oracle, self.ears, Stats())
        self.visiting.gather = 0.0
        self.visiting.rejecting.take_back = self.take_back
        self.scene = Scene("hall", RULES, f"r{id(self)}", self.visiting.rejecting.rejections)
        self.visiting.rejecting.give_back = self.scene.give_back
        self.now = 0.0
        self.wall = time.time() - 3600.0
        self.told: list[Sighting] = []
        self.seq = 0

    @property
    def notices(self) -> list[Notice]:
        return self.ears.notices

    def show(
        self, vector: Vector | None, *candidates: tuple[str, float], looks: int = 4, quality: float = 0.8
    ) -> list[Sighting]:
        """A face in sight for some looks; returns what was told of it."""
        told = len(self.told)
        reply = replace(answer(*candidates), embedding=None if vector is None else embedding(vector))
        for _ in range(looks):
            self.now += 0.2
            for ask in self.scene.look((face(100.0),), frame(self.now)).asks:
                self._answer(ask, reply, quality)
        return self.told[told:]

    def leave(self, seconds: float = 120.0) -> None:
        """Nobody is there for a while."""
        for _ in range(3):
            self.now += 1.0
            self.visiting.left(self.scene.look((), frame(self.now)).ended)
        self.now += seconds

    def visit(self, vector: Vector | None, *candidates: tuple[str, float], looks: int = 4) -> list[Sighting]:
        """Somebody comes, and leaves again."""
        told = self.show(vector, *candidates, looks=looks)
        self.leave()
        return told

    def take_back(self, told: Sighting) -> bool:
        """As the pipeline does."""
        correction = self.scene.take_back(told, event_id=f"e{self.seq}", seq=self.seq, at=self.wall, now=self.now)
        if correction is not None:
            self._tell(correction)
        return correction is not None

    def _answer(self, ask: Ask, reply: Answer, quality: float) -> None:
        look = Look(
            track_id=ask.track_id,
            captured_at=self.wall + self.now,
            stamp=self.now,
            box=ask.face.box,
            frame_size=(640, 480),
            quality=replace(GOOD, value=quality),
        )
        outcome = self.scene.answer(look, reply, event_id=f"e{self.seq}", seq=self.seq)
        if outcome is not None:
            face = probe() if reply.embedding is None else probe(10 * int(reply.embedding.vector.argmax()))
            sighting = self.visiting.heard(Query("hall", ask, look, face, self.now), reply, outcome)
            if sighting is not None:
                self._tell(sighting)

    def _tell(self, sighting: Sighting) -> None:
        self.seq += 1
        self.told.append(sighting)


def ids(sightings: Sequence[Sighting]) -> list[str | None]:
    """The visitors' ids."""
    return [sighting.visitor_id for sighting in sightings]
