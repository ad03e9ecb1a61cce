"""The real picamera2 with libcamera's virtual cameras, and the pictures they play. Only in tests/pi/lab."""

from __future__ import annotations

import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libcamera
import numpy as np
from PIL import Image

from tests.support.films import write_pictures
from tests.support.portraits import GRACE, pose
from uSense.cameras import pidevice
from uSense.cameras.pidevice import Device
from uSense.core.models import Rgb

sys.modules.setdefault("pykms", pidevice._no_display())

from picamera2 import Picamera2  # noqa: E402 - it imports pykms
from picamera2.allocators import LibcameraAllocator  # noqa: E402 - the same

FRAMES = Path("/tmp/frames")  # noqa: S108 - the lab has a /tmp of its own for each run
"""Where tests/pi/virtual.yaml says that the pictures are."""
PACE = 1 / 30
"""Seconds a picture takes: the virtual camera pays no heed to its frame rate, and would use a whole processor."""


class Lab:
    """The cameras, which can be taken away."""

    def __init__(self) -> None:
        write_frames()
        self.away = False
        self.newest: weakref.ref[Any] | None = None
        """The device opened last; a strong reference would hide it if uSense kept one."""

    def load(self) -> type[Device]:
        """picamera2's class, with what the virtual camera needs."""
        lab = self

        class Camera(VirtualCamera):
            @staticmethod
            def global_camera_info() -> list[dict[str, Any]]:
                return [] if lab.away else list(Picamera2.global_camera_info())

            def __init__(self, camera_num: int = 0) -> None:
                super().__init__(camera_num)
                lab.newest = weakref.ref(self)

        device: type[Device] = Camera
        return device

    def vanish(self) -> None:
        """Let the thread of the open camera die, and show no camera any more."""
        self.away = True
        self.call_back(_die)

    def call_back(self, callback: Callable[[object], object]) -> None:
        """Have the open camera call something with each picture, in its thread."""
        device = self.newest() if self.newest else None
        assert device is not None
        device.pre_callback = callback

    def come_back(self) -> None:
        """Show the cameras again."""
        self.away = False


class VirtualCamera(Picamera2):  # type: ignore[misc] # picamera2 has no types
    """A camera that has no raw pictures, which picamera2 takes for granted, and two planes a buffer."""

    def __init__(self, camera_num: int = 0) -> None:
        super().__init__(camera_num)
        self.allocator = LibcameraAllocator(self.camera)
        self.post_callback = lambda _request: time.sleep(PACE)

    def _get_raw_modes(self) -> list[dict[str, Any]]:
        formats = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
        return [
            {"format": str(pixels), "size": (size.width, size.height)}
            for pixels in formats.pixel_formats
            for size in formats.sizes(pixels)
        ]


def write_frames() -> None:
    """Numbered bars, and somebody who moves a little; libcamera looks for them once in a process."""
    if FRAMES.is_dir():
        return
    write_pictures(FRAMES / "numbers", [f"{number}.jpg" for number in range(60)])
    (FRAMES / "portrait").mkdir()
    for number in range(8):
        Image.fromarray(_scene(number)).save(FRAMES / "portrait" / f"{number}.jpg", quality=95)


def _scene(number: int) -> Rgb:
    """1280 x 720 with a face about 230 pixels high."""
    portrait = np.asarray(Image.fromarray(pose(GRACE, number % 2)).resize((640, 640)))
    scene = np.full((720, 1280, 3), 120, np.uint8)
    scene[40:680, 300 + 10 * number : 940 + 10 * number] = portrait
    return scene


def _die(_request: object) -> None:
    raise ZeroDivisionError("as in a callback with a bug")
