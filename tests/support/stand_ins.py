"""Stand-ins for what a test wants to be slow, broken or countable: a camera, a detector, a recognizer, an outbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import numpy as np

from tests.support import contract
from tests.support.portraits import GRACE
from tests.support.values import answer
from uSense import imaging
from uSense.aio import sleep_until
from uSense.core.errors import RecognizerError
from uSense.core.events import Event, Notice, Sighting, State
from uSense.core.findings import Finding
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Box, Embedding, Erasure, Face, Frame, Person, Picture, Probe, Renewal, Training
from uSense.core.motion import MotionRules
from uSense.ports import AddedFace, Camera, Detector, Habits
from uSense.recognizers.azureface.limiter import Limiter


class Busy:
    """A camera that has a new frame whenever it is asked; each frame's scene tells its number."""

    def __init__(self, name: str, picture: Picture, *, new_scenes: bool = False) -> None:
        self.name = name
        self.skipped = 0
        self.read_count = 0
        self.picture = picture
        self.new_scenes = new_scenes

    async def read(self, after: float = 0.0) -> Frame:
        await sleep_until(time.monotonic, after)
        self.read_count += 1
        return Frame(
            camera=self.name,
            captured_at=time.time(),
            stamp=time.monotonic(),
            scene=self.read_count if self.new_scenes else 0,
            luma=np.zeros((120, 160), np.uint8),
            picture=self.picture,
        )


class Source:
    """Settings of a stand-in camera; `openings` are tried one after the other, the last one stays."""

    def __init__(self, *openings: Callable[[str], Camera], fps: float = 1000.0) -> None:
        self.fps = fps
        self.motion = MotionRules(enabled=False)
        self.opened = 0
        self.closed = 0
        self._openings = openings

    def open(self, name: str) -> AbstractAsyncContextManager[Camera]:
        return self._open(name)

    @asynccontextmanager
    async def _open(self, name: str) -> AsyncIterator[Camera]:
        opening = self._openings[min(self.opened, len(self._openings) - 1)]
        self.opened += 1
        try:
            yield opening(name)
        finally:
            self.closed += 1


class Spotter:
    """A detector that finds the same faces everywhere."""

    model = "spotter"

    def __init__(self, *faces: Face) -> None:
        self.faces = faces or (Face(Box(234, 154, 406, 326), 1.0),)
        self.seen: list[Picture] = []

    async def detect(self, picture: Picture) -> list[Face]:
        await asyncio.sleep(0)
        self.seen.append(picture)
        return list(self.faces)


class Oracle:
    """A recognizer with one answer for all, at a limited pace, and an error whenever it is told to have one."""

    kind = "oracle"
    model = "oracle"
    habits = Habits()
    problem = ""

    def __init__(self, reply: Answer | None = None, limiter: Limiter | None = None) -> None:
        self.rules = DecisionRules(threshold=0.5, margin=0.05)
        self.reply = reply or answer(("anna", 0.8), ("bea", 0.2))
        self.limiter = limiter
        self.batches: list[list[Probe]] = []
        self.ill = False
        self.called = asyncio.Event()

    def detector(self, local: Detector) -> Detector:
        return local

    def quota(self) -> None:
        return None

    async def identify(self, probes: Sequence[Probe]) -> list[Answer]:
        if self.limiter is not None:
            async with self.limiter.turn(10.0) as turn:
                turn.answered()
        await asyncio.sleep(0)
        self.called.set()
        if self.ill:
            raise RecognizerError("the cloud is away")
        self.batches.append(list(probes))
        return [self.reply] * len(probes)

    async def resembling(self, faces: Sequence[Embedding]) -> list[Answer]:
        return [self.reply] * len(faces)

    async def compare(self, a: Probe, b: Probe) -> float:
        raise AssertionError("not asked here")

    async def likeness(self, probe: Probe, person_id: str) -> float:
        raise AssertionError("not asked here")

    async def people(self) -> list[Person]:
        return []

    async def create_person(self, name: str, user_data: str = "") -> Person:
        raise AssertionError("not asked here")

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        raise AssertionError("not asked here")

    async def delete_person(self, person_id: str) -> Erasure:
        raise AssertionError("not asked here")

    async def merge_people(self, person_id: str, into: str) -> Person:
        raise AssertionError("not asked here")

    async def renew(self, told: Callable[[Renewal], None], *, pace: float = 1.0) -> Renewal:
        raise AssertionError("not asked here")

    async def drop_crops(self, person_id: str | None = None) -> int:
        raise AssertionError("not asked here")

    async def add_face(self, person_id: str, probe: Probe, *, force: bool = False) -> AddedFace:
        raise AssertionError("not asked here")

    async def delete_face(self, person_id: str, face_id: str) -> None:
        raise AssertionError("not asked here")

    async def train(self) -> Training:
        raise AssertionError("not asked here")

    async def training(self) -> Training:
        return Training("never")

    async def checkup(self) -> list[Finding]:
        raise AssertionError("not asked here")

    async def known(self) -> set[str]:
        raise AssertionError("not asked here")

    async def refresh(self) -> bool:
        return False


class Ears:
    """An outbox that keeps everything it is given, if it is as documented, and can be waited for."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._heard = asyncio.Event()

    def post(self, event: Event) -> None:
        contract.check(event)
        self.events.append(event)
        self._heard.set()

    @property
    def sightings(self) -> list[Sighting]:
        return [event for event in self.events if isinstance(event, Sighting)]

    @property
    def notices(self) -> list[Notice]:
        return [event for event in self.events if isinstance(event, Notice)]

    @property
    def states(self) -> dict[str, object]:
        """The newest value of every state."""
        return {event.topic: event.value for event in self.events if isinstance(event, State)}

    async def until(self, true: Callable[[Ears], bool], seconds: float = 30.0) -> None:
        """Wait until something is true of what was heard."""
        async with asyncio.timeout(seconds):
            while not true(self):
                self._heard.clear()
                await self._heard.wait()


def picture() -> imaging.ArrayPicture:
    """640x480 with a good face where `Spotter` finds one."""
    whole = np.full((480, 640, 3), 120, np.uint8)
    portrait = imaging.ArrayPicture(GRACE).rgb((480, 480))
    whole[: portrait.shape[0], 80 : 80 + portrait.shape[1]] = portrait
    return imaging.ArrayPicture(whole)
