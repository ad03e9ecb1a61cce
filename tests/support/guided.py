"""A house with one camera before which portraits move, and a guide who enrolls them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.portraits import jpeg, pose
from tests.support.stand_ins import Ears, Source, Spotter
from uSense.aio import Lane, sleep_until
from uSense.control import Control
from uSense.core.errors import CameraError
from uSense.core.guiding import GuidingRules
from uSense.core.judging import DecisionRules
from uSense.core.matching import Metric
from uSense.core.models import Frame, Gray, Probe, Rgb, Shot, Size
from uSense.core.quality import QualityRules
from uSense.core.scene import Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.tracking import TrackingRules
from uSense.guiding import Guide
from uSense.imaging import ArrayPicture
from uSense.payloads.enrolling import EnrollFinished, EnrollPrompt
from uSense.pipeline import Pipeline, PipelineSettings
from uSense.ports import Detector, Recognizer
from uSense.recognizers.embedders.base import Vectors
from uSense.recognizers.local import LocalRecognizer
from uSense.storage import open_storage

LOOK = 1 / 3
"""Seconds that pass from picture to picture, whatever the machine has to do."""
QUICK = GuidingRules(pace=0.6, again=1.5, settle=0.5, turning=0.6, patience=3, crowd=3, nobody=3, stalled=20)
WALL: Rgb = np.full((480, 640, 3), 120, np.uint8)


def in_view(*portraits: Rgb, light: float = 1.0) -> Rgb:
    """What a camera shows of these people."""
    canvas = Image.fromarray(WALL)
    width = 640 // len(portraits)
    for index, portrait in enumerate(portraits):
        image = Image.fromarray(portrait)
        image.thumbnail((width, 460))
        canvas.paste(image, (index * width + (width - image.width) // 2, 10))
    return (np.asarray(canvas) * light).astype(np.uint8)


class Nobody:
    """A detector that finds no faces."""

    model = "nobody"

    async def detect(self, picture: object) -> list[Any]:
        await asyncio.sleep(0)
        return []


class Shown:
    """A picture that is made when somebody looks at it."""

    size = (640, 480)

    def __init__(self, show: Callable[[], Rgb]) -> None:
        self._show = cache(show)

    def rgb(self, fit: Size | None = None) -> Rgb:
        return ArrayPicture(self._show()).rgb(fit)

    def gray(self, fit: Size | None = None) -> Gray:
        return ArrayPicture(self._show()).gray(fit)


class Sitting:
    """A camera before which somebody moves."""

    def __init__(self, show: Callable[[], Rgb]) -> None:
        self.show = show
        self.skipped = 0
        self.lost = ""

    async def read(self, after: float = 0.0) -> Frame:
        await sleep_until(time.monotonic, after)
        if self.lost:
            raise CameraError("hall", self.lost)
        return Frame(
            camera="hall",
            captured_at=time.time(),
            stamp=time.monotonic(),
            scene=0,
            luma=np.zeros((120, 160), np.uint8),
            picture=Shown(self.show),
        )


def moving(*photos: Rgb, light: float = 1.0) -> Callable[[], Rgb]:
    """The people of these photos, in another pose in every picture."""
    poses = count()

    def show() -> Rgb:
        number = next(poses)
        return in_view(*(pose(photo, number) for photo in photos), light=light)

    return show


@dataclass
class House:
    """A service with one camera."""

    control: Control
    pipeline: Pipeline
    camera: Sitting
    ears: Ears
    guided: asyncio.Task[None]
    """Carries out enrollments."""

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The events of this kind."""
        return [dict(notice.data) for notice in self.ears.notices if notice.type == kind]

    @property
    def codes(self) -> list[str]:
        """The prompts so far."""
        return [prompt["code"] for prompt in self.told("enroll.prompt")]

    async def prompted(self, code: str) -> None:
        """Wait for a prompt."""
        await self.ears.until(lambda _: code in self.codes)

    async def finished(self, times: int = 1) -> dict[str, Any]:
        """Wait for the last summary; everything that was told is as documented."""
        await self.ears.until(lambda _: len(self.told("enroll.finished")) == times, 60)
        for prompt in self.told("enroll.prompt"):
            EnrollPrompt.model_validate(prompt)
        last = self.told("enroll.finished")[-1]
        EnrollFinished.model_validate(last)
        return last

    async def stopped(self) -> None:
        """End the guide's task as a stopping service does."""
        self.guided.cancel()
        await asyncio.wait((self.guided,))

    async def enrolled(self, name: str, photo: Rgb) -> None:
        """Somebody who is known already."""
        await self.control.create_person(name)
        for number in (1, 5, 9):
            await self.control.add_face(name, jpeg(pose(photo, number)), "photo.jpg")
        await self.control.train()


@asynccontextmanager
async def serving(recognizer: Recognizer, for_photos: Detector, show: Callable[[], Rgb]) -> AsyncIterator[House]:
    """The camera's loop and the guide at work."""
    ears, stats = Ears(), Stats()
    scenes = {"hall": Scene("hall", SceneRules(tracking=TrackingRules(), decision=recognizer.rules), "r0")}
    pipeline = Pipeline(PipelineSettings(), QualityRules(), scenes, recognizer, ears, stats)
    control = Control(recognizer, for_photos, ears, QualityRules(), pipeline.cameras.switches, dict)
    passed = 0.0

    async def shot(name: str) -> Shot:
        nonlocal passed
        passed += LOOK
        return await pipeline.cameras.shot(name)

    control.shot = shot
    control.on_gallery = pipeline.gallery_changed
    control.guide = Guide(control, QUICK, lambda: passed)
    control.guide.interval = 0.0
    camera = Sitting(show)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(pipeline.cameras.watch("hall", Source(lambda _: camera, fps=50)), name="camera hall"),
            group.create_task(pipeline.detect(Nobody()), name="detect"),
            group.create_task(control.guide.run(), name="guided enrollment"),
        ]
        await ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")
        yield House(control, pipeline, camera, ears, tasks[-1])
        for task in tasks:
            task.cancel()


class Tints:
    """An embedder by which people differ in their color."""

    model = "tints"
    metric = Metric.EUCLIDEAN

    def embed(self, probes: Sequence[Probe]) -> Vectors:
        colors = np.asarray([probe.crop.mean(axis=(0, 1)) for probe in probes], np.float32)
        return np.asarray(colors / np.float32(64), np.float32)

    def enroll(self, probe: Probe) -> Vectors:
        return self.embed([probe])


def noise(*tint: int) -> Callable[[], Rgb]:
    """Always new pictures of somebody in this color."""
    random = np.random.default_rng(1)
    return lambda: (random.integers(0, 60, (480, 640, 3)) + tint).astype(np.uint8)


@asynccontextmanager
async def plain(folder: Path, show: Callable[[], Rgb]) -> AsyncIterator[House]:
    """A house in which all that sees is a stand-in, and only what is kept is real."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(folder / "data"))
        lane = await stack.enter_async_context(Lane("embed"))
        recognizer = LocalRecognizer(lane, Tints, storage.vault, DecisionRules())
        await recognizer.load()
        recognizer.keep_crops = False
        yield await stack.enter_async_context(serving(recognizer, Spotter(), show))
