"""The Pi's own camera, through picamera2: a large picture and a small one of the same moment.

One thread of the camera's own opens, reads and closes it; of its frames the newest waits for the loop. Nothing of
uSense runs in picamera2's threads but a put into a queue: an exception there would end them silently.
"""

from __future__ import annotations

import asyncio
import difflib
import gc
import math
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import structlog
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, model_validator

from uSense.cameras import pidevice
from uSense.cameras.avpicture import AvPicture
from uSense.cameras.base import CameraSettings, Inbox, new_scene
from uSense.cameras.guard import ends_within
from uSense.cameras.pidevice import Device, Job, Load
from uSense.cameras.pipicture import Layout
from uSense.core.errors import CameraError, CameraStuckError
from uSense.core.models import Frame
from uSense.ports import Camera

if TYPE_CHECKING:
    from av import VideoFrame

log = structlog.get_logger()

OPENING = 60.0
"""Seconds that opening may take: the import alone needs ten on a small Pi."""
CLOSING = 10.0
"""Seconds that closing may take; it needs less than one."""
_ENDING = 10.0
"""Seconds that the process may take to end in order when a driver hangs."""
_BUFFERS = 4
"""Pictures in the camera's memory: one is kept back by picamera2, one is being copied, two are being filled."""
_SLOWEST = 10.0
"""Frames a second of the sensor at least: slower ones would be exposed so long that people who move are smeared."""
_OLDEST = 10.0
"""Seconds; a time stamp farther away than this is wrong."""

Side = Annotated[int, Field(ge=64, le=8192, multiple_of=2)]


class PicameraSettings(CameraSettings):
    """Show the camera on a Pi's own connector, through picamera2."""

    kind: Literal["picamera"] = "picamera"
    """The camera: on the Pi's own connector, through picamera2."""
    camera: int | str = ""
    """Id or number as `rpicam-hello --list-cameras` shows them; empty for the first."""
    size: tuple[Side, Side] = (1280, 720)
    """Width and height of the picture in pixels, even numbers; faces are cut from it."""
    lores_size: tuple[Side, Side] = (640, 360)
    """Width and height of the small picture in which motion and, if large enough, faces are searched for."""
    rotation: Literal[0, 180] = 0
    """Degrees by which the picture is turned: 180 for a camera that hangs upside down."""
    hflip: bool = False
    """Mirror the picture left to right."""
    vflip: bool = False
    """Mirror the picture top to bottom."""
    controls: dict[str, Any] = Field(default={})
    """libcamera's controls, such as `AfMode: 2` or `FrameRate: 30`; a wrong name is told with those there are."""
    read_timeout: float = Field(default=5, ge=1, le=120)
    """Seconds without a picture after which the camera counts as lost."""
    _id: str = PrivateAttr(default="")
    _usb: bool = PrivateAttr(default=True)

    @model_validator(mode="after")
    def _small_is_smaller(self) -> PicameraSettings:
        if any(small > large for small, large in zip(self.lores_size, self.size, strict=True)):
            raise ValueError("lores_size must not be larger than size")
        return self

    @asynccontextmanager
    async def open(self, name: str, load: Load = pidevice.load) -> AsyncIterator[Camera]:
        """Open the camera; raises CameraError, or CameraStuckError if its driver hangs."""
        inbox = Inbox(name, asyncio.get_running_loop(), 2 * self.patience)
        reader = Reader(name, self, inbox, load)
        thread = threading.Thread(target=reader.run, name=f"camera {name}", daemon=True)
        thread.start()
        try:
            await inbox.wait_open(within=OPENING)
            yield inbox
        finally:
            reader.stop()
            await asyncio.to_thread(thread.join, CLOSING)
            if thread.is_alive():
                log.error("camera driver hangs", camera=name, seconds=CLOSING, hint="only a restart helps")
                raise CameraStuckError(name, f"its driver did not return for {CLOSING:g} s")

    @property
    def patience(self) -> float:
        """Seconds to wait for a picture, which a slow sensor may need."""
        return max(self.read_timeout, 3 / self.fps)

    @property
    def flips(self) -> tuple[bool, bool]:
        """Whether to mirror left to right and top to bottom; both together turn the picture upside down."""
        turned = bool(self.rotation)
        return self.hflip ^ turned, self.vflip ^ turned

    def place(self, infos: Any) -> int:
        """Where the camera is among those there are; raises LookupError.

        What was meant by a number, or by none, is settled by the first look: when a camera is lost, another one gets
        its number.
        """
        # Those on USB are the last ones of the list, so leaving them out changes no place.
        seen = [info for info in infos if self._usb or "/usb" not in info["Id"]]
        place, self._id = pidevice.find(seen, self._id or self.camera)
        return place

    def without_usb(self) -> PicameraSettings:
        """The same, blind to cameras on USB, which libcamera shows as well."""
        other = self.model_copy()
        other._usb = False  # noqa: SLF001 - it is this class's own
        return other


@dataclass(frozen=True, slots=True)
class Streams:
    """What the camera was really set to."""

    main: Layout
    lores: Layout | None
    hflip: bool
    vflip: bool

    @classmethod
    def read(cls, configuration: Mapping[str, Any], settings: PicameraSettings) -> Streams:
        """From `camera_configuration`; what the camera does not mirror itself is left to be done."""
        done = configuration["transform"]
        return cls(
            main=Layout.read(configuration, "main"),
            lores=Layout.read(configuration, "lores") if configuration["lores"] else None,
            hflip=settings.flips[0] ^ bool(done.hflip),
            vflip=settings.flips[1] ^ bool(done.vflip),
        )

    def picture(self, arrays: Mapping[str, NDArray[np.uint8]]) -> AvPicture:
        """The picture in what the streams gave."""
        small: VideoFrame | None = self.lores.frame(arrays["lores"]) if self.lores else None
        return AvPicture(self.main.frame(arrays["main"]), small, hflip=self.hflip, vflip=self.vflip)


class Reader:
    """Opens, reads and closes the camera, all in one thread."""

    def __init__(self, name: str, settings: PicameraSettings, inbox: Inbox, load: Load) -> None:
        self._name = name
        self._settings = settings
        self._inbox = inbox
        self._load = load
        self._mail: SimpleQueue[Job | None] = SimpleQueue()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Let the thread end soon."""
        self._stopping.set()
        self._mail.put(None)

    def run(self) -> None:
        """Read until stopped or lost; the latter reaches the loop by the inbox."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - in a thread, even a bug has to be handed over
            pidevice.forget_locals(error)
            self._inbox.fail(error)
        # A device is part of cycles. One that goes later keeps files open until then, and then takes memory with it
        # that libcamera meanwhile uses for the next one: the process would crash.
        gc.collect()

    def _work(self) -> None:
        with self._opened() as device:
            with pidevice.in_plain_words(self._name):
                streams = Streams.read(device.camera_configuration(), self._settings)
            log.debug("camera configured", camera=self._name, main=streams.main, lores=streams.lores)
            self._inbox.opened()
            self._show(device, streams)

    @contextmanager
    def _opened(self) -> Iterator[Device]:
        """The device, running."""
        with ends_within(OPENING + CLOSING + _ENDING), pidevice.in_plain_words(self._name):
            device_class = self._load()
            device = pidevice.created(device_class, self._settings.place(device_class.global_camera_info()))
        try:
            with ends_within(OPENING + CLOSING + _ENDING):
                self._begin(device)
            yield device
        finally:
            with ends_within(self._settings.patience + CLOSING + _ENDING):
                problem = pidevice.dispose(device)
            self._release_late()
            if problem:
                raise CameraStuckError(self._name, f"it cannot be closed ({problem})")

    def _begin(self, device: Device) -> None:
        """Configure and start."""
        controls = self._controls(device.camera_controls)
        try:
            self._configure(device, controls, {"size": self._settings.lores_size, "format": "YUV420"})
            alone = False
        except CameraError as error:
            log.debug("camera refuses two streams", camera=self._name, reason=error.reason)
            alone = True
        if alone:
            self._configure(device, controls, None)
        with pidevice.in_plain_words(self._name):
            device.start()

    def _configure(self, device: Device, controls: dict[str, Any], lores: dict[str, Any] | None) -> None:
        """Ask for the streams; raises CameraError."""
        hflip, vflip = self._settings.flips
        with pidevice.in_plain_words(self._name):
            configuration = device.create_video_configuration(
                main={"size": self._settings.size, "format": "YUV420"},
                lores=lores,
                raw=None,
                buffer_count=_BUFFERS,
                controls=controls,
                queue=True,
            )
            configuration["transform"] = type(configuration["transform"])(hflip=hflip, vflip=vflip)
            device.configure(configuration)

    def _controls(self, there: Mapping[str, Any]) -> dict[str, Any]:
        """The controls to set; raises CameraError for one that this camera does not have."""
        given = self._settings.controls
        rated = "FrameDurationLimits" in there
        known = [*there, *(["FrameRate"] if rated else [])]
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1, 0)
                meant = f"; the nearest is {near[0]}, it has {', '.join(sorted(known))}" if near else ""
                raise CameraError(self._name, f"this camera has no control {name}{meant}")
        if not rated or "FrameDurationLimits" in given:
            return dict(given)
        return {"FrameRate": max(self._settings.fps, _SLOWEST), **given}

    def _show(self, device: Device, streams: Streams) -> None:
        """Offer the newest frame again and again until stopped or lost."""
        scene, last = new_scene(), -math.inf
        while (taken := self._taken(device, streams)) is not None:
            arrays, exposed = taken
            now = time.monotonic()
            stamp = exposed if last < exposed <= now < exposed + _OLDEST else now
            last = stamp
            picture = streams.picture(arrays)
            self._inbox.heard()
            self._inbox.put(
                Frame(
                    camera=self._name,
                    captured_at=time.time() - (time.monotonic() - stamp),
                    stamp=stamp,
                    scene=scene,
                    luma=picture.luma(),
                    picture=picture,
                )
            )
            # A camera that cannot be slowed down is looked at less often.
            self._stopping.wait(now + 0.5 / self._settings.fps - time.monotonic())
            self._stopping.wait(self._inbox.wanted - time.monotonic())

    def _taken(self, device: Device, streams: Streams) -> tuple[dict[str, NDArray[np.uint8]], float] | None:
        """Copies of the next picture and the monotonic second it was exposed at; None when stopped."""
        with pidevice.in_plain_words(self._name):
            device.capture_request(wait=False, signal_function=self._mail.put)
            try:
                job = self._mail.get(timeout=self._settings.patience)
            except Empty:
                job = self._stalled()
            if job is None:
                return None
            request = job.get_result(timeout=0)
            try:
                arrays = {
                    name: request.make_array(name) for name in ("main", "lores") if name == "main" or streams.lores
                }
                return arrays, request.get_metadata().get("SensorTimestamp", -math.inf) / 1e9
            finally:
                request.release()

    def _stalled(self) -> Job:
        seconds = self._settings.patience
        log.warning("camera stalled", camera=self._name, seconds=seconds, closing_ends_within=CLOSING)
        raise CameraError(self._name, f"no picture for {seconds:g} s: is its cable loose?")

    def _release_late(self) -> None:
        """Give back the pictures of jobs that finished when nobody waited any more."""
        with suppress(Empty):
            while True:
                job = self._mail.get_nowait()
                if job is not None:
                    with suppress(Exception):  # a job that failed has no picture
                        job.get_result(timeout=0).release()
