"""The camera that is there: the Pi's own, else the first V4L2 device that gives pictures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import structlog

from uSense.cameras import pidevice, v4l2
from uSense.cameras.base import CameraSettings
from uSense.cameras.picamera import PicameraSettings
from uSense.cameras.pidevice import Load
from uSense.cameras.stream import StreamSettings
from uSense.cameras.v4l2 import VideoDevice
from uSense.core.errors import CameraAbsentError, CameraError
from uSense.ports import Camera

log = structlog.get_logger()


class AutoSettings(CameraSettings):
    """Show the camera that is found: the Pi's own, else one on USB; it is looked for whenever it is opened."""

    kind: Literal["auto"] = "auto"
    """The camera: whichever is found, the Pi's own or one on USB."""

    @asynccontextmanager
    async def open(
        self, name: str, load: Load = pidevice.load, devices: Callable[[], Sequence[VideoDevice]] = v4l2.cameras
    ) -> AsyncIterator[Camera]:
        """Open what is there; raises CameraError."""
        common = {"fps": self.fps, "motion": self.motion}
        async with AsyncExitStack() as stack:
            own = PicameraSettings.model_validate(common).without_usb()
            try:
                camera = await stack.enter_async_context(own.open(name, load))
                device = "picamera2"
            except CameraAbsentError as error:
                streams = await asyncio.to_thread(devices)
                camera, device = await _first(stack, name, streams, common, error)
            log.info("camera found", camera=name, device=device)
            yield camera


async def _first(
    stack: AsyncExitStack,
    name: str,
    devices: Sequence[VideoDevice],
    common: dict[str, object],
    own: CameraAbsentError,
) -> tuple[Camera, str]:
    """The first device that gives pictures; raises CameraError that says why none does."""
    problems = []
    for device in devices:
        problem = device.problem
        if not problem:
            settings = StreamSettings.model_validate({**common, "url": str(device.path)})
            try:
                return await stack.enter_async_context(settings.open(name)), f"{device.path} ({device.card})"
            except CameraError as error:
                problem = error.reason
        problems.append(f"{device.path}: {problem}")
    on_usb = "; ".join(problems) or "there is none"
    raise CameraError(
        name,
        "none was found; attach one, or name yours under `cameras` in the settings. "
        f"The Pi's own: {own.reason}. On USB: {on_usb}",
    )
