"""Settings with another picamera2 than the installed one."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from uSense.cameras.picamera import PicameraSettings
from uSense.cameras.pidevice import Load
from uSense.core.motion import MotionRules
from uSense.ports import Camera


@dataclass(frozen=True)
class WithDriver:
    """They open the camera with this picamera2, as the pipeline takes them."""

    settings: PicameraSettings
    load: Load

    @property
    def fps(self) -> float:
        return self.settings.fps

    @property
    def motion(self) -> MotionRules:
        return self.settings.motion

    def open(self, name: str) -> AbstractAsyncContextManager[Camera]:
        return self.settings.open(name, self.load)
