"""The Pi's own camera with everything that picamera2 may do to it."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
import weakref
from typing import Any

import psutil
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from tests.peers.picamera import ID, OTHER, Machine
from tests.support.driver import WithDriver
from tests.support.films import shows_bars
from tests.support.stand_ins import Ears, Oracle
from tests.support.waiting import until
from uSense.cameras import picamera
from uSense.cameras.picamera import PicameraSettings
from uSense.core.errors import CameraAbsentError, CameraError, CameraStuckError
from uSense.core.judging import DecisionRules
from uSense.core.models import Frame
from uSense.core.quality import QualityRules
from uSense.core.scene import Scene, SceneRules
from uSense.core.stats import Stats
from uSense.pipeline import Pipeline, PipelineSettings
from uSense.ports import Camera


def settings(**values: Any) -> PicameraSettings:
    """Small pictures and little patience."""
    return PicameraSettings.model_validate({
        "size": (320, 240), "lores_size": (160, 120), "fps": 20, "read_timeout": 2, **values
    })  # fmt: skip


def scene() -> Scene:
    """What happens before the camera."""
    return Scene("hall", SceneRules(decision=DecisionRules(threshold=0.5, margin=0.05)), "r0")


async def first(machine: Machine, **values: Any) -> Frame:
    """The first frame; the camera is closed again."""
    async with settings(**values).open("hall", machine.load) as camera:
        return await camera.read()


async def refused(machine: Machine, **values: Any) -> CameraError:
    """Why it cannot be opened."""
    with pytest.raises(CameraError) as refusal:
        await settings(**values).open("hall", machine.load).__aenter__()
    return refusal.value


async def read_on(camera: Camera) -> None:
    """Read for ever."""
    while True:
        await camera.read()


async def lost(camera: Camera) -> CameraError:
    """Read on until it is lost."""
    with pytest.raises(CameraError) as loss:
        await read_on(camera)
    return loss.value


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": (321, 240)},
        {"size": (0, 0)},
        {"lores_size": (640, 480)},
        {"rotation": 90},
        {"read_timeout": 0},
        {"kamera": 1},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    """What no camera can do is told when the settings are read."""
    with pytest.raises(ValidationError):
        settings(**wrong)


@pytest.mark.parametrize("kind", ["YUV420", "NV12", "RGB888", "XBGR8888", "YUYV", "MJPEG"])
async def test_it_is_read_back_what_the_camera_was_set_to(kind: str) -> None:
    """Whatever format the camera chooses instead of the one asked for, colors are right in both sizes."""
    picture = (await first(Machine(formats={"YUV420": kind}))).picture
    assert shows_bars(picture.rgb())
    assert shows_bars(picture.rgb((160, 120)))


async def test_the_size_that_is_got_counts() -> None:
    """A camera that gives other sizes than those asked for is taken at its word."""
    machine = Machine(sizes={(320, 240): (640, 480), (160, 120): (320, 240)})
    picture = (await first(machine)).picture
    assert picture.size == (640, 480)
    assert shows_bars(picture.rgb())


async def test_format_nobody_knows_is_an_error() -> None:
    """Rather no picture than a wrong one."""
    assert "as SRGGB10, which uSense does not know" in (await refused(Machine(formats={"YUV420": "SRGGB10"}))).reason


async def test_memory_is_asked_for_sparingly() -> None:
    """No raw pictures, few buffers, and never all of them out at once."""
    machine = Machine()
    async with settings().open("hall", machine.load) as camera:
        for _ in range(10):
            await camera.read()
    (asked,) = machine.asked
    assert asked["raw"] is None
    assert asked["buffer_count"] == 4
    assert machine.most_out < 4


async def test_camera_with_one_stream_is_read_without_the_small_one() -> None:
    """Cameras on USB have but one stream."""
    picture = (await first(Machine(streams=1))).picture
    assert shows_bars(picture.rgb((160, 120)))


@pytest.mark.parametrize("mirrors", [True, False])
@pytest.mark.parametrize(
    ("values", "flips"),
    [
        ({}, (False, False)),
        ({"rotation": 180}, (True, True)),
        ({"hflip": True}, (True, False)),
        ({"rotation": 180, "vflip": True}, (True, False)),
    ],
)
async def test_mirroring_is_done_by_the_camera_or_else_here(
    values: dict[str, Any], flips: tuple[bool, bool], *, mirrors: bool
) -> None:
    """The camera is asked to mirror; if it does not, and says so, uSense does."""
    machine = Machine(mirrors=mirrors)
    picture = (await first(machine, **values)).picture
    asked = machine.asked[0]["transform"]
    assert (asked.hflip, asked.vflip) == flips
    # The stand-in's pictures are never mirrored themselves.
    seen = picture.rgb()[:, ::-1] if flips[0] and not mirrors else picture.rgb()
    assert shows_bars(seen)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"fps": 20}, {"FrameRate": 20}),
        ({"fps": 2}, {"FrameRate": 10}),
        ({"controls": {"AfMode": 2, "Brightness": 0.1}}, {"FrameRate": 20, "AfMode": 2, "Brightness": 0.1}),
        ({"controls": {"FrameRate": 30}}, {"FrameRate": 30}),
        ({"controls": {"FrameDurationLimits": [20000, 20000]}}, {"FrameDurationLimits": [20000, 20000]}),
    ],
)
async def test_controls_reach_the_camera(values: dict[str, Any], expected: dict[str, Any]) -> None:
    """The frame rate follows the looks a second, unless it is given."""
    machine = Machine()
    await first(machine, **values)
    usual = {"NoiseReductionMode": 1, "FrameDurationLimits": (33333, 33333)}
    assert machine.asked[0]["controls"] == usual | expected


async def test_camera_without_a_frame_rate_is_looked_at_less_often() -> None:
    """Where the rate cannot be set, frames are left out."""
    machine = Machine(controls={})
    async with settings(fps=10).open("hall", machine.load) as camera:
        stamps = [(await camera.read()).stamp for _ in range(4)]
    assert "FrameRate" not in machine.asked[0]["controls"]
    assert min(b - a for a, b in itertools.pairwise(stamps)) > 0.01


async def test_unknown_control_is_told_with_the_nearest() -> None:
    """A misspelt control is an error that names the one meant and all there are."""
    reason = (await refused(Machine(), controls={"Brightnes": 1})).reason
    assert reason == (
        "this camera has no control Brightnes; the nearest is Brightness, "
        "it has AfMode, Brightness, ExposureTime, FrameDurationLimits, FrameRate, NoiseReductionMode"
    )


@pytest.mark.parametrize("wanted", [ID, "1", 1])
async def test_camera_is_chosen_by_id_or_number(wanted: str | int) -> None:
    """Numbers are places in the list that rpicam-hello shows."""
    machine = Machine(cameras=[OTHER, ID])
    infos = machine.load().global_camera_info()
    expected = ID if wanted == ID else infos[1]["Id"]
    async with settings(camera=wanted).open("hall", machine.load) as camera:
        await camera.read()
        assert machine.taken == {expected}


async def test_a_number_stays_the_same_camera() -> None:
    """When a camera is lost another one gets its number; it is not taken for the lost one."""
    machine = Machine(cameras=[OTHER, ID])
    hall = settings(camera=0)
    async with hall.open("hall", machine.load) as camera:
        await camera.read()
        (chosen,) = machine.taken
    machine.cameras.remove(chosen)
    with pytest.raises(CameraError, match=f"there is no camera {chosen}; there are 0: "):
        await hall.open("hall", machine.load).__aenter__()
    machine.cameras.append(chosen)
    async with hall.open("hall", machine.load) as camera:
        await camera.read()
        assert machine.taken == {chosen}


@pytest.mark.parametrize(
    ("machine", "kind", "words"),
    [
        (Machine(cameras=[]), CameraAbsentError, "no camera was found: is its cable in"),
        (Machine(taken={ID}), CameraError, "another program uses the camera: stop that one"),
        (Machine(heap=False), CameraError, "/dev/dma_heap is missing"),
    ],
)
async def test_refusals_say_what_to_do_and_leave_nothing(machine: Machine, kind: type[CameraError], words: str) -> None:
    """Absent, busy, without memory: plain words, no open file, and the camera is free for the next attempt."""
    taken = set(machine.taken)
    await refused(machine)
    before = psutil.Process().num_fds()
    for _ in range(5):
        error = await refused(machine)
        assert type(error) is kind
        assert words in error.reason
    assert psutil.Process().num_fds() <= before
    assert machine.taken == taken
    machine.taken.clear()
    machine.heap, machine.cameras = True, [ID]
    assert shows_bars((await first(machine)).picture.rgb())


async def test_stalled_camera_is_given_back() -> None:
    """When no picture comes the camera is lost, closed without its own thread's help, and can be opened again."""
    machine = Machine()
    async with settings().open("hall", machine.load) as camera:
        await camera.read()
        machine.alive = False
        assert (await lost(camera)).reason == "no picture for 2 s: is its cable loose?"
    assert machine.taken == set()
    machine.alive = True
    assert shows_bars((await first(machine)).picture.rgb())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_dead_thread_of_picamera2_is_noticed() -> None:
    """An exception in a callback ends picamera2's thread in silence; stopping by it would then wait for ever."""

    def fail(_request: object) -> None:
        raise ZeroDivisionError

    machine = Machine()
    async with settings().open("hall", machine.load) as camera:
        await camera.read()
        machine.opened[-1].pre_callback = fail
        await lost(camera)
    assert machine.taken == set()


async def test_no_picture_stays_out() -> None:
    """Whenever the camera is closed, in the middle of a job as well, all of its scarce memory is given back."""
    machine = Machine()
    for turn in range(5):
        async with settings().open("hall", machine.load) as camera:
            for _ in range(turn):
                await camera.read()
        assert machine.opened[-1].buffers_out == 0


async def test_picture_that_comes_too_late_is_given_back() -> None:
    """A job that finishes when the camera was given up already holds none of the memory; no job is left behind."""
    machine = Machine(late=True)
    async with settings().open("hall", machine.load) as camera:
        await camera.read()
        machine.alive = False
        await lost(camera)
    device = machine.opened[-1]
    assert (device.buffers_out, device._job_list) == (0, [])


async def test_camera_that_cannot_be_closed_ends_the_process() -> None:
    """A camera that refuses to stop stays taken by this process: the next attempt would find it busy."""
    machine = Machine(stops=False)
    async with settings().open("hall", machine.load) as camera:
        await camera.read()
        machine.alive = False
        with pytest.raises(
            CameraStuckError, match=r"it cannot be closed \(Failed to stop camera: Connection timed out\)"
        ):
            await read_on(camera)
    machine.opened[-1].started = False


async def test_closed_camera_is_let_go() -> None:
    """Neither an error nor a cycle keeps a closed device alive: it would keep files open."""
    machine = Machine()
    async with settings().open("hall", machine.load) as camera:
        await camera.read()
        device = weakref.ref(machine.opened.pop())
        machine.alive = False
        error = await lost(camera)
    assert device() is None, gc.get_referrers(device())
    assert error.reason


async def test_times_are_those_of_the_exposure() -> None:
    """A frame is stamped with the moment its light fell in; a stamp that cannot be is replaced by the time it came."""
    machine = Machine()
    before = time.monotonic()
    assert before < (await first(machine)).stamp < time.monotonic()
    for wrong in (0, (time.monotonic_ns() + 10**12), None):
        machine.metadata = {"SensorTimestamp": wrong} if wrong is not None else {}
        before = time.monotonic()
        assert before < (await first(machine)).stamp < time.monotonic()


async def test_hanging_driver_is_for_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that never returns is no CameraError: the pipeline does not try again, and the process can end."""
    monkeypatch.setattr(picamera, "CLOSING", 0.3)
    machine = Machine()
    with_driver = WithDriver(settings(), machine.load)
    pipeline = Pipeline(PipelineSettings(), QualityRules(), {"hall": scene()}, Oracle(), Ears(), Stats())
    watching = asyncio.create_task(pipeline.cameras.watch("hall", with_driver), name="watch")
    try:
        await until(lambda: pipeline.stats.frames["hall"] > 1)
        machine.hanging.clear()
        machine.alive = False
        with capture_logs() as lines, pytest.raises(CameraStuckError, match="only a restart of uSense helps"):
            await watching
    finally:
        machine.hanging.set()
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["camera driver hangs"]
    await until(lambda: not any("hall" in thread.name for thread in threading.enumerate()))
