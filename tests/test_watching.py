"""Cameras: lost, reopened, paused, finished, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import repeat

import pytest

from tests.support.stage import Stage, busy
from tests.support.stand_ins import Busy, Oracle, Source, Spotter
from tests.support.waiting import until
from uSense import watching
from uSense.core.errors import CameraError, CameraFinished
from uSense.core.motion import MotionRules


async def test_closing_says_that_no_camera_is_looked_at() -> None:
    """After a clean stop no camera is left behind as online."""
    stage = Stage(Oracle())
    async with stage.running(stage.camera(Source(busy(), fps=100))):
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")

    stage.pipeline.cameras.close()

    assert stage.ears.states["camera/hall/status"] == "offline"


async def test_a_lost_camera_is_reopened_and_the_loss_is_told() -> None:
    """A camera that cannot be opened is offline with a reason, and online again when it comes back."""

    def broken(name: str) -> Busy:
        raise CameraError(name, "no route to host")

    stage = Stage(Oracle())
    source = Source(broken, busy(), fps=100)

    async with stage.running(stage.camera(source), stage.pipeline.detect(Spotter())):
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "offline")
        assert stage.pipeline.problems == {"camera hall": "no route to host"}
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")

    assert stage.pipeline.problems == {}
    assert (source.opened, source.closed) == (2, 2)
    assert [notice.type for notice in stage.ears.notices] == ["camera.lost", "camera.back"]
    assert stage.ears.notices[0].data["reason"] == "no route to host"


async def test_a_camera_that_never_opens_is_tried_ever_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long each attempt takes: only one that showed something starts the pauses anew."""
    begun: list[Iterator[float]] = []

    def pauses() -> Iterator[float]:
        begun.append(repeat(0.0))
        return begun[-1]

    def broken(name: str) -> Busy:
        raise CameraError(name, "no route to host")

    monkeypatch.setattr(watching, "_STEADY", -1.0)
    monkeypatch.setattr(watching, "_pauses", pauses)
    stage = Stage(Oracle())

    async with stage.running(stage.camera(Source(broken, broken, broken, busy(), fps=100))):
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")

    assert len(begun) == 1


async def test_a_recording_that_ends_ends_its_loop_only() -> None:
    """A camera that has shown everything is not reopened."""

    def over(name: str) -> Busy:
        raise CameraFinished(name, "all pictures were shown")

    stage = Stage(Oracle())
    source = Source(over)

    await asyncio.wait_for(stage.camera(source), 30)

    assert source.opened == 1
    assert stage.ears.states["camera/hall/status"] == "offline"
    assert stage.pipeline.problems == {}


async def test_a_paused_camera_is_closed_until_it_is_resumed() -> None:
    """Pausing closes the camera itself: its light goes out, nobody can look through it."""
    stage = Stage(Oracle())
    source = Source(busy(), fps=100)

    async with stage.running(stage.camera(source), stage.pipeline.detect(Spotter())):
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")
        first = stage.pipeline.cameras.since("hall")
        stage.pipeline.cameras.switches["hall"].turn(on=False)
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "offline")
        assert source.closed == 1
        assert stage.pipeline.cameras.since("hall") is None
        stage.pipeline.cameras.switches["hall"].turn(on=True)
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")

        second = stage.pipeline.cameras.since("hall")

    assert source.opened == 2
    assert first is not None
    assert second is not None
    assert second > first


async def test_a_picture_that_is_asked_for_tells_whether_faces_are_sought_in_it() -> None:
    """They are in each while motion is not asked for, and not for long where nothing moves."""
    stage = Stage(Oracle())
    source = Source(busy(), fps=100)
    async with stage.running(stage.camera(source), stage.pipeline.detect(Spotter())):
        await stage.ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")
        sought = await stage.pipeline.cameras.shot("hall")
        await until(lambda: stage.pipeline.scenes["hall"].looked_at >= sought.captured_at)

    quiet = Stage(Oracle())
    source.motion = MotionRules()
    async with quiet.running(quiet.camera(source)), asyncio.timeout(30):
        await quiet.ears.until(lambda ears: ears.states.get("camera/hall/status") == "online")
        while (await quiet.pipeline.cameras.shot("hall")).sought:
            pass

    assert sought.sought
