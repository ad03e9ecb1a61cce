"""What every camera does, for all kinds of them. A new kind gets a rig in `RIGS` and is tested with the rest."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, get_args

import psutil
import pytest

from tests.peers.mjpeg import MjpegServer
from tests.peers.picamera import ID, Machine
from tests.peers.rtsp import RtspServer
from tests.peers.show import Show
from tests.support.films import number_of, shows_bars, write_film, write_pictures
from uSense.cameras import AnyCamera
from uSense.cameras.auto import AutoSettings
from uSense.cameras.folder import FolderSettings
from uSense.cameras.picamera import PicameraSettings
from uSense.cameras.pidevice import Load
from uSense.cameras.stream import StreamSettings
from uSense.core.errors import CameraError, CameraFinished
from uSense.core.models import Frame
from uSense.ports import Camera

NAME = "hall"
PATIENCE = 20.0
"""Seconds after which a test gives up."""


class Source(Protocol):
    """What opens a camera."""

    def open(self, name: str) -> AbstractAsyncContextManager[Camera]:
        """Open it under its name."""


class Rig(ABC):
    """A real source of pictures of the bars, 320 x 240, and the settings of the camera that shows it."""

    settings: Source

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The source is there."""
        yield

    @abstractmethod
    async def vanish(self) -> None:
        """Take the source away from a camera that reads it."""

    @abstractmethod
    async def come_back(self) -> None:
        """Bring it back at the same place."""

    async def go_on(self) -> None:
        """Let the source make a few frames."""
        await asyncio.sleep(3 / 15)


class ServerRig(Rig):
    """A camera server; it vanishes by a restart."""

    def __init__(self, server: Show) -> None:
        self.server = server
        self.stack = AsyncExitStack()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.come_back()
        self.settings = StreamSettings(url=self.server.url)
        async with self.stack:
            yield

    async def vanish(self) -> None:
        await self.stack.aclose()

    async def come_back(self) -> None:
        await self.stack.enter_async_context(self.server)

    async def go_on(self) -> None:
        await self.server.sent(3)


class FilmRig(Rig):
    """A short video file in a loop."""

    def __init__(self, path: Path) -> None:
        self.film, self.away = write_film(path / "film.mp4", 10), path / "away.mp4"
        self.settings = StreamSettings(url=str(self.film), loop=True)

    async def vanish(self) -> None:
        self.film.rename(self.away)

    async def come_back(self) -> None:
        self.away.rename(self.film)


class FolderRig(Rig):
    """A few pictures in a loop."""

    def __init__(self, path: Path) -> None:
        self.folder, self.away = write_pictures(path / "photos", ["a.png", "b.png", "c.png"]), path / "away"
        self.settings = FolderSettings(path=self.folder, fps=15, hold=0.3)

    async def vanish(self) -> None:
        shutil.move(self.folder, self.away)

    async def come_back(self) -> None:
        shutil.move(self.away, self.folder)


@dataclass(frozen=True)
class WithDriver:
    """Settings with another picamera2 than the installed one."""

    settings: PicameraSettings | AutoSettings
    load: Load

    def open(self, name: str) -> AbstractAsyncContextManager[Camera]:
        return self.settings.open(name, self.load)


class PiRig(Rig):
    """A stand-in for picamera2; it vanishes by a loose cable."""

    def __init__(self, *, auto: bool = False) -> None:
        self.machine = Machine(sizes={(1280, 720): (320, 240), (640, 360): (160, 120)})
        settings = AutoSettings(fps=15) if auto else PicameraSettings(fps=15, read_timeout=2)
        self.settings = WithDriver(settings, self.machine.load)

    async def vanish(self) -> None:
        self.machine.alive = False
        self.machine.cameras.clear()

    async def come_back(self) -> None:
        self.machine.alive = True
        self.machine.cameras.append(ID)


class RealPiRig(Rig):
    """The real picamera2 with a virtual camera; it vanishes by the death of picamera2's thread."""

    def __init__(self) -> None:
        from tests.pi.virtual import Lab  # noqa: PLC0415 - it imports picamera2

        self.lab = Lab()
        settings = PicameraSettings(camera="numbers", size=(320, 240), lores_size=(160, 120), fps=15, read_timeout=1)
        self.settings = WithDriver(settings, self.lab.load)

    async def vanish(self) -> None:
        self.lab.vanish()

    async def come_back(self) -> None:
        self.lab.come_back()


RIGS: dict[str, Callable[[Path], Rig]] = {
    "stream, RTSP": lambda _: ServerRig(RtspServer()),
    "stream, MJPEG": lambda _: ServerRig(MjpegServer()),
    "stream, file": FilmRig,
    "folder": FolderRig,
    "picamera": lambda _: PiRig(),
    "auto": lambda _: PiRig(auto=True),
}


if find_spec("libcamera"):  # so it is in tests/pi/lab
    RIGS["picamera, real"] = lambda _: RealPiRig()


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.pi] if "real" in name else []) for name in RIGS])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """Each of the sources in turn, running."""
    rig = RIGS[request.param](tmp_path)
    async with asyncio.timeout(PATIENCE), rig.running():
        yield rig


async def eventually(true: Callable[[], bool]) -> None:
    """Wait for what nobody announces, such as the end of a thread."""
    while not true():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.01)


def no_threads() -> bool:
    """Whether no thread serves the camera."""
    return not any(NAME in thread.name for thread in threading.enumerate())


async def read_on(camera: Camera) -> None:
    """Read until the camera is lost."""
    while True:
        await camera.read()


async def fail_while_reading(settings: Source) -> None:
    """A user of the camera with a bug."""
    async with settings.open(NAME) as camera:
        await camera.read()
        raise ZeroDivisionError


def test_every_kind_has_a_rig() -> None:
    """Whoever adds a kind of camera also says how it is tested."""
    union, _ = get_args(AnyCamera)
    kinds = {settings.model_fields["kind"].default for settings in get_args(union)}
    assert kinds == {name.split(",")[0] for name in RIGS}


async def test_frames_are_stamped_in_order(rig: Rig) -> None:
    """Each frame is newer than the one before, by both clocks, and says which camera it is of."""
    async with rig.settings.open(NAME) as camera:
        frames = [await camera.read() for _ in range(6)]
    assert all(older.stamp < newer.stamp for older, newer in itertools.pairwise(frames))
    assert {frame.camera for frame in frames} == {NAME}
    ahead = time.time() - time.monotonic()
    assert all(abs(frame.captured_at - frame.stamp - ahead) < 1.0 for frame in frames)
    assert frames[-1].stamp <= time.monotonic()


async def test_picture_comes_in_any_size(rig: Rig) -> None:
    """A frame's picture is given whole or shrunk, in the right colors, or gray; it is never enlarged."""
    async with rig.settings.open(NAME) as camera:
        picture = (await camera.read()).picture
    assert picture.size == (320, 240)
    for fit, size in ((None, (240, 320)), ((160, 160), (120, 160)), ((99, 40), (40, 53)), ((640, 480), (240, 320))):
        rgb, gray = picture.rgb(fit), picture.gray(fit)
        assert rgb.shape == (*size, 3)
        assert gray.shape == size
        assert shows_bars(rgb)
        assert abs(rgb[size[0] // 2] @ (0.299, 0.587, 0.114) - gray[size[0] // 2]).mean() < 6
        assert rgb.flags.c_contiguous
        assert gray.flags.c_contiguous


async def test_luma_is_small(rig: Rig) -> None:
    """The picture for the motion gate is gray and at most 160 pixels wide."""
    async with rig.settings.open(NAME) as camera:
        frame = await camera.read()
    assert frame.luma.shape == (120, 160)
    assert frame.luma[100, [20, 80, 140]].tolist() == pytest.approx([81, 113, 51], abs=30)


async def test_newest_frame_wins(rig: Rig) -> None:
    """Who reads slowly gets the newest frame; those replaced are counted, each one."""
    async with rig.settings.open(NAME) as camera:
        first = await camera.read()
        skipped = camera.skipped
        while camera.skipped == skipped:
            await rig.go_on()
            last = await camera.read()
            assert last.stamp > first.stamp
        if isinstance(rig, ServerRig):
            newest = number_of((await camera.read()).picture.gray())
            assert newest - number_of(first.picture.gray()) >= camera.skipped - skipped


async def test_frame_is_as_new_as_asked_for(rig: Rig) -> None:
    """Who wants the frame of a later time gets one of that time, also after a read that was given up."""
    async with rig.settings.open(NAME) as camera:
        after = (await camera.read()).stamp
        for _ in range(3):
            after += 0.2
            reading = asyncio.create_task(camera.read(after + 60), name="read")
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert after <= (await camera.read(after)).stamp < after + 10


async def test_cancelled_read_loses_nothing(rig: Rig) -> None:
    """A read that is given up leaves the camera as it was."""
    async with rig.settings.open(NAME) as camera:
        for _ in range(5):
            await camera.read()
            reading = asyncio.create_task(camera.read(), name="read")
            await asyncio.sleep(0)
            # One that has its frame by now cannot be given up any more.
            given_up = reading.cancel()
            with pytest.raises(asyncio.CancelledError) if given_up else nullcontext():
                await reading
        assert isinstance(await camera.read(), Frame)


async def test_lost_camera_says_so_and_can_be_reopened(rig: Rig) -> None:
    """When the source vanishes the camera ends with CameraError, as does opening; when it is back all is well."""
    async with rig.settings.open(NAME) as camera:
        scene = (await camera.read()).scene
        await rig.vanish()
        with pytest.raises(CameraError) as lost:
            await read_on(camera)
    assert not isinstance(lost.value, CameraFinished)
    assert str(lost.value).startswith(f"camera {NAME}: ")
    with pytest.raises(CameraError):
        await rig.settings.open(NAME).__aenter__()
    await rig.come_back()
    async with rig.settings.open(NAME) as camera:
        assert (await camera.read()).scene > scene


async def test_nothing_is_left_behind(rig: Rig) -> None:
    """Opening and closing five times, with and without reading, leaves no thread and no open file."""
    process = psutil.Process()
    async with rig.settings.open(NAME) as camera:
        await camera.read()
    await eventually(no_threads)
    files = process.num_fds()
    for turn in range(5):
        async with rig.settings.open(NAME) as camera:
            if turn % 2:
                await camera.read()
        await eventually(no_threads)
    await eventually(lambda: process.num_fds() <= files)


async def test_error_inside_closes_the_camera(rig: Rig) -> None:
    """A bug in whoever uses the camera closes it as well, and is not hidden."""
    with pytest.raises(ZeroDivisionError):
        await fail_while_reading(rig.settings)
    await eventually(no_threads)
