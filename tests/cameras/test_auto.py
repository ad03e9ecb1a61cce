"""The camera that is found by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.peers.picamera import ID, USB, Machine
from tests.support.films import shows_bars, write_film
from uSense.cameras.auto import AutoSettings
from uSense.cameras.pidevice import Device
from uSense.cameras.v4l2 import VideoDevice
from uSense.core.errors import CameraError

SETTINGS = AutoSettings(fps=15)


def not_installed() -> type[Device]:
    """An import that fails."""
    raise ModuleNotFoundError("No module named 'picamera2'")


def devices(*found: VideoDevice) -> Callable[[], Sequence[VideoDevice]]:
    """What is on USB."""
    return lambda: found


@pytest.fixture
def webcam(tmp_path: Path) -> VideoDevice:
    """A device with pictures 320 pixels wide: FFmpeg reads a film in the same way."""
    return VideoDevice(write_film(tmp_path / "video2.mp4"), "HD Webcam")


async def width(machine: Machine, *found: VideoDevice) -> int:
    """How wide the pictures of the camera are that is found; the Pi's own are 1280."""
    async with SETTINGS.open("main", machine.load, devices(*found)) as camera:
        picture = (await camera.read()).picture
        assert shows_bars(picture.rgb())
        return picture.size[0]


async def test_the_pis_own_comes_first(webcam: VideoDevice) -> None:
    """With a camera on the Pi's connector nothing on USB is looked at."""
    assert await width(Machine(), webcam) == 1280


@pytest.mark.parametrize("listed", [[], [USB]])
async def test_usb_is_next(webcam: VideoDevice, listed: list[str]) -> None:
    """Without one, the first device on USB that gives pictures is read, also if libcamera lists it, too."""
    broken = VideoDevice(Path("/dev/video-that-is-not-there"), "gone")
    forbidden = VideoDevice(Path("/dev/video7"), "video7", "Permission denied")
    assert await width(Machine(cameras=listed), broken, forbidden, webcam) == 320


async def test_it_looks_again_at_every_opening(webcam: VideoDevice) -> None:
    """A camera that was plugged in since the last time is found."""
    machine = Machine(cameras=[])
    assert await width(machine, webcam) == 320
    machine.cameras.append(ID)
    assert await width(machine, webcam) == 1280


async def test_nothing_found_says_what_to_do() -> None:
    """Where there is no camera the error says what was looked for, why it was not it, and what to do."""
    forbidden = VideoDevice(Path("/dev/video7"), "video7", "Permission denied")
    with pytest.raises(CameraError) as lost:
        await SETTINGS.open("main", not_installed, devices(forbidden)).__aenter__()
    text = str(lost.value)
    assert text.startswith("camera main: none was found; attach one, or name yours under `cameras` in the settings.")
    assert "The Pi's own: picamera2 cannot be imported (No module named 'picamera2'): install it with" in text
    assert text.endswith("On USB: /dev/video7: Permission denied")


async def test_a_busy_camera_is_not_replaced(webcam: VideoDevice) -> None:
    """If the Pi's own is there but cannot be had, that is told: another camera would show another place."""
    machine = Machine(taken={ID})
    with pytest.raises(CameraError, match="another program uses the camera"):
        await SETTINGS.open("main", machine.load, devices(webcam)).__aenter__()
