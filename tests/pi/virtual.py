"""The real picamera2 with libcamera's virtual camera, and the pictures it plays. Only in tests/pi/lab."""

from __future__ import annotations

import time
from typing import Any

import libcamera
from picamera2 import Picamera2
from picamera2.allocators import LibcameraAllocator

PACE = 1 / 30
"""Seconds a frame takes: the virtual camera pays no heed to its frame rate, and would use a whole processor."""


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
