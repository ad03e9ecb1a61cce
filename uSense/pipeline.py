"""The way of a frame from the camera loops on: detect workers and the identify batcher, joined by bounded queues."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import structlog
from pydantic import Field

from uSense import aio, imaging
from uSense.core.errors import RecognizerError
from uSense.core.events import Notice, Portrait, Sighting
from uSense.core.models import Answer, Frame, Probe
from uSense.core.pacing import backoff
from uSense.core.presence import Eye
from uSense.core.quality import Flaw, QualityRules, gate
from uSense.core.scene import CHANGED, Look, Scene
from uSense.core.stats import Stats
from uSense.core.tracking import Ask
from uSense.ports import Detector, Outbox, Recognizer
from uSense.query import Query
from uSense.schema import Branch
from uSense.times import new_id
from uSense.visitors import Visiting
from uSense.watching import Watching

log = structlog.get_logger()


class PipelineSettings(Branch):
    """How much is done at once."""

    workers: int = Field(default=1, ge=1, le=8)
    """Detect workers, each with a model of its own; 2 suit a Pi with several cameras."""
    faces: int = Field(default=64, ge=1, le=1024)
    """Faces that may wait for an identification; when more wait, the worst leaves."""
    batch_size: int = Field(default=10, ge=1, le=10)
    """Faces identified in one call at most."""
    batch_wait: float = Field(default=0.02, ge=0, le=5)
    """Seconds to wait for further faces before a batch is sent."""
    patience: float = Field(default=60, ge=10, le=3600)
    """Seconds after which the service ends, to be started anew, if a detector or a net does not answer."""


class Pipeline:
    """Everything between the cameras and the outbox."""

    def __init__(
        self,
        settings: PipelineSettings,
        quality: QualityRules,
        scenes: Mapping[str, Scene],
        recognizer: Recognizer,
        outbox: Outbox,
        stats: Stats,
    ) -> None:
        self.settings = settings
        self.quality = quality
        self.scenes = scenes
        self.recognizer = recognizer
        self.outbox = outbox
        self.stats = stats
        self.problems: dict[str, str] = {}
        self.cameras = Watching(scenes, outbox, stats, self.problems)
        self.visiting: Visiting | None = None
        """Knows who of the unknown people was here before, and who is told at all."""
        self._faces: aio.Best[tuple[str, str], Query] = aio.Best(settings.faces, Query.worth)
        self._asking: set[tuple[str, str]] = set()
        """Tracks whose identification is under way: further views of them would cost another one."""
        self._seq = 0
        self._epoch = 0

    async def detect(self, detector: Detector) -> None:
        """One detect worker: find faces, follow them, cut out those worth an identification."""
        while True:
            async with self.cameras.frames.taken() as frame:
                begun = time.monotonic()
                faces = await detector.detect(frame.picture)
                self.stats.add("detect", time.monotonic() - begun)
                scene = self.scenes[frame.camera]
                self.stats.counts["faces"] += len(faces)
                looked = scene.look(faces, frame)
                self.stats.counts["faces_untracked"] = sum(one.tracker.refused for one in self.scenes.values())
                for track_id in looked.ended:
                    self._faces.discard((frame.camera, track_id))
                if self.visiting is not None:
                    self.visiting.left(looked.ended)
                if why := scene.explain(looked.ended, frame.stamp):
                    self.stats.counts["explanations_withheld"] = sum(
                        one.doubts.withheld for one in self.scenes.values()
                    )
                    self.outbox.post(Notice("track.undecided", asdict(why)))
                asks = [ask for ask in looked.asks if (frame.camera, ask.track_id) not in self._asking]
                if asks:
                    with self._timed("cut"):
                        probes = await asyncio.to_thread(_cut, frame, asks)
                    for ask, probe in zip(asks, probes, strict=True):
                        self._queue(frame, ask, probe)

    async def identify(self) -> None:
        """The batcher: asks the recognizer about the worthiest faces and lets the scenes decide."""
        pauses, ripen = _pauses(), self.recognizer.habits.ripen
        size = min(self.settings.batch_size, self.recognizer.habits.most)
        wait, age = (ripen, Query.age) if ripen else (self.settings.batch_wait, Query.ageless)
        while True:
            batch = await aio.next_batch(self._faces, size, wait, age)
            epoch = self._epoch
            try:
                with self._timed("identify"), self._under_way(batch):
                    answers = await self.recognizer.identify([query.probe for query in batch])
            except RecognizerError as error:
                self._recognizer_failed(error, batch)
                await asyncio.sleep(next(pauses))
                continue
            if epoch != self._epoch:
                self._again(batch)
                continue
            pauses = _pauses()
            if self.problems.pop("recognizer", None):
                log.info("recognizer answers again")
            for query, answer in zip(batch, answers, strict=True):
                self._decide(query, answer)

    @property
    def faces_waiting(self) -> int:
        """Faces that wait for an identification now."""
        return len(self._faces)

    def present(self) -> list[Sighting]:
        """The persons in sight of a camera now, each as they were last told."""
        seen = [scene.present() for name, scene in self.scenes.items() if self.cameras.online(name)]
        return [sighting for sightings in seen for sighting in sightings]

    def eye(self, camera: str) -> Eye:
        """What a camera can tell about people."""
        if not self.cameras.online(camera):
            return Eye.BLIND
        nameless = "recognizer" in self.problems or self.scenes[camera].waits(time.monotonic())
        return Eye.DIM if nameless else Eye.CLEAR

    def gallery_changed(self) -> None:
        """Ask again about everybody in sight; answers that are under way name people as they were before."""
        self._epoch += 1
        for scene in self.scenes.values():
            scene.gallery_is(CHANGED)
        if self.visiting is not None:
            self.visiting.gallery_changed()

    def take_back(self, told: Sighting) -> bool:
        """A sighting named the wrong person: correct it if its track goes on; whether it did."""
        scene = self.scenes[told.camera]
        now = {"at": time.time(), "now": time.monotonic()}
        correction = scene.take_back(told, event_id=new_id(), seq=self._seq, **now)
        if correction is not None:
            self._tell(correction)
        return correction is not None

    def give_back(self, told: Sighting) -> None:
        """A sighting named the right person after all."""
        self.scenes[told.camera].give_back(told)

    def judge_by(self, **rules: float) -> None:
        """Decide by rules that differ in these from now on, also about everybody in sight."""
        self.recognizer.rules = replace(self.recognizer.rules, **rules)
        self._epoch += 1
        for scene in self.scenes.values():
            scene.judge_by(self.recognizer.rules)

    def announce_by(self, **rules: Any) -> None:
        """Announce people by rules that differ in these from now on."""
        for scene in self.scenes.values():
            scene.announce_by(replace(scene.rules.announce, **rules))

    def tick(self) -> None:
        """Let time pass in all scenes."""
        for scene in self.scenes.values():
            scene.tick(time.monotonic())
        if not self._faces and not self._asking and not self.recognizer.problem:
            self.problems.pop("recognizer", None)  # it failed, and whoever waited for it has left

    def _queue(self, frame: Frame, ask: Ask, probe: Probe) -> None:
        """Put a cut-out face in line, unless it is too bad to be compared with anybody."""
        scene = self.scenes[frame.camera]
        if reason := gate(probe.quality, self.quality):
            self.stats.counts[f"refused_{reason}"] += 1
            scene.refuse(ask.track_id, reason, probe.quality)
            return
        look = Look(
            track_id=ask.track_id,
            captured_at=frame.captured_at,
            stamp=frame.stamp,
            box=ask.face.box,
            frame_size=frame.picture.size,
            quality=probe.quality,
        )
        self._wait_in_line(Query(frame.camera, ask, look, probe, frame.stamp))

    def _decide(self, query: Query, answer: Answer) -> None:
        if answer.unseen:
            self.stats.counts["refused_unseen"] += 1
            self.scenes[query.camera].refuse(query.ask.track_id, Flaw.UNSEEN, query.look.quality)
            return
        outcome = self.scenes[query.camera].answer(query.look, answer, event_id=new_id(), seq=self._seq)
        if outcome is None:
            return
        self.stats.counts["looks"] += 1
        sighting = outcome.sighting if self.visiting is None else self.visiting.heard(query, answer, outcome)
        if sighting is not None:
            self.stats.add("picture_to_decision", time.monotonic() - sighting.stamp)
            self.outbox.post(Portrait(sighting.seq, query.camera, query.probe))
            self._tell(sighting)

    def _tell(self, sighting: Sighting) -> None:
        self._seq += 1
        sighting = replace(sighting, age=time.monotonic() - sighting.stamp)
        self.outbox.post(sighting)
        self.stats.counts[f"sightings_{sighting.type}"] += 1
        _log_decision(sighting)

    @contextmanager
    def _under_way(self, batch: list[Query]) -> Iterator[None]:
        keys = {query.key for query in batch}
        self._asking |= keys
        try:
            yield
        finally:
            self._asking -= keys

    def _recognizer_failed(self, error: RecognizerError, batch: list[Query]) -> None:
        level = log.debug if "recognizer" in self.problems else log.warning
        level("recognizer does not answer", error=str(error))
        self.problems["recognizer"] = str(error)
        self._again(batch)

    def _again(self, batch: list[Query]) -> None:
        """Put back the faces of people who are still there and of whom there is no newer view."""
        for query in batch:
            if not self._faces.get(query.key) and self.scenes[query.camera].alive(query.ask.track_id):
                self._wait_in_line(query)

    def _wait_in_line(self, query: Query) -> None:
        waiting = self._faces.get(query.key)
        query = query.following(waiting) if waiting else query
        if query is waiting:
            return
        left = self._faces.put(query.key, query)
        if left is not None:
            self.stats.counts["faces_dropped"] += 1
            self.scenes[left[0]].give_up(left[1])

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.stats.add(stage, time.monotonic() - begun)


def _pauses() -> Iterator[float]:
    return backoff(0.5, 30.0, random.random)


def _cut(frame: Frame, asks: Sequence[Ask]) -> list[Probe]:
    whole = imaging.ArrayPicture(frame.picture.rgb())
    return [imaging.probe(whole, ask.face) for ask in asks]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _log_decision(sighting: Sighting) -> None:
    log.info(
        "face decided",
        type=sighting.type,
        camera=sighting.camera,
        name=sighting.name,
        track=sighting.track_id,
        score=_rounded(sighting.decision.score),
        margin=_rounded(sighting.decision.margin),
        votes=f"{sighting.decision.votes}/{sighting.decision.looks}",
        quality=sighting.decision.quality,
        assurance=sighting.assurance,
        age_s=round(sighting.age, 3),
        event_id=sighting.event_id,
    )
