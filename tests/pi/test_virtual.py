"""The real picamera2 and the real libcamera with a virtual camera. Run by tests/pi/lab."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.pi.virtual import Lab
from tests.support.driver import WithDriver
from tests.support.stand_ins import Ears, Oracle
from tests.support.waiting import until
from uSense.cameras import picamera
from uSense.cameras.picamera import PicameraSettings
from uSense.core.errors import CameraError, CameraStuckError
from uSense.core.quality import QualityRules
from uSense.core.scene import Scene, SceneRules
from uSense.core.stats import Stats
from uSense.detectors.hog import HogSettings
from uSense.pipeline import Pipeline, PipelineSettings

pytestmark = pytest.mark.pi
PORTRAIT = PicameraSettings(camera="portrait", fps=15, read_timeout=2)


async def test_faces_travel_to_decisions() -> None:
    """The small picture is searched, faces are cut from the large one, and somebody is recognized."""
    oracle, ears, stats = Oracle(), Ears(), Stats()
    scenes = {"hall": Scene("hall", SceneRules(decision=oracle.rules), "r0")}
    pipeline = Pipeline(PipelineSettings(), QualityRules(), scenes, oracle, ears, stats)
    async with HogSettings().open("detect") as detector, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(pipeline.cameras.watch("hall", WithDriver(PORTRAIT, Lab().load)), name="camera"),
            group.create_task(pipeline.detect(detector), name="detect"),
            group.create_task(pipeline.identify(), name="identify"),
        ]
        await ears.until(lambda ears: bool(ears.sightings), 30)
        await until(lambda: stats.frames["hall"] >= 20, 30)
        for task in tasks:
            task.cancel()
    sighting = ears.sightings[0]
    assert (sighting.name, sighting.frame_size) == ("anna", (1280, 720))
    face = oracle.batches[0][0]
    assert 150 < face.quality.size < 350
    assert face.crop.shape[0] > 250


async def test_both_streams_show_the_same() -> None:
    """Small and large picture are of the same moment and in the same colors."""
    async with PORTRAIT.open("hall", Lab().load) as camera:
        picture = (await camera.read()).picture
    small, large = picture.rgb((640, 360)), picture.rgb((642, 720))
    assert (small.shape, large.shape) == ((360, 640, 3), (361, 642, 3))
    assert abs(small[:, :640].astype(int) - large[:360, :640]).mean() < 4


async def test_busy_camera_is_told() -> None:
    """Who comes second is told that the camera is in use, and gets it afterwards."""
    lab = Lab()
    async with PORTRAIT.open("hall", lab.load) as camera:
        await camera.read()
        with pytest.raises(CameraError, match="another program uses the camera"):
            await PORTRAIT.open("door", lab.load).__aenter__()
    async with PORTRAIT.open("door", lab.load) as camera:
        await camera.read()


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        ({"FaceDetectMod": 1}, "no control FaceDetectMod; the nearest is FaceDetectMode, it has FaceDetectMode, Frame"),
        ({"FaceDetectMode": "much"}, "a value under `controls` is of the wrong kind"),
    ],
)
async def test_wrong_controls_are_told(controls: dict[str, object], words: str) -> None:
    """Unknown names and impossible values are errors in plain words, and the camera is free again."""
    lab = Lab()
    wrong = PicameraSettings.model_validate({**PORTRAIT.model_dump(), "controls": controls})
    with pytest.raises(CameraError, match=words):
        await wrong.open("hall", lab.load).__aenter__()
    async with PORTRAIT.open("hall", lab.load) as camera:
        await camera.read()


async def test_hanging_thread_is_no_matter_of_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """With picamera2's thread hanging, its lock held, the camera cannot be closed: only a restart helps."""
    monkeypatch.setattr(picamera, "CLOSING", 0.5)
    lab, release = Lab(), threading.Event()
    source = WithDriver(PicameraSettings(camera="portrait", fps=15, read_timeout=1), lab.load)

    async def read_on() -> None:
        async with source.open("hall") as camera:
            await camera.read()
            lab.call_back(lambda _request: release.wait())
            while True:
                await camera.read()

    try:
        with pytest.raises(CameraStuckError):
            await read_on()
    finally:
        release.set()
    await until(lambda: not any("hall" in thread.name for thread in threading.enumerate()))
