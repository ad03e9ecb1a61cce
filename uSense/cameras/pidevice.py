"""picamera2 as uSense uses it: what it has, how it is loaded, chosen and given back, and its errors in plain words."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Protocol, TypeAlias

import numpy as np
import structlog
from numpy.typing import NDArray

from uSense.core.errors import CameraAbsentError, CameraError

log = structlog.get_logger()

_REFUSALS = (
    RuntimeError, OSError, ValueError, TypeError, AttributeError, LookupError, ImportError, AssertionError,
)  # fmt: skip
"""What picamera2 and libcamera raise; they have no errors of their own."""
_LIMIT = 10
"""Links of a chain of errors that are looked at."""


class NoCamera(LookupError):  # noqa: N818 - it becomes a CameraAbsentError
    """There is no camera for libcamera."""


class Request(Protocol):
    """A finished picture in the camera's own memory: that memory is scarce, so it is given back soon."""

    def make_array(self, name: str) -> NDArray[np.uint8]:
        """A copy of the stream `name`."""

    def get_metadata(self) -> dict[str, Any]:
        """What is known of the picture."""

    def release(self) -> None:
        """Give the memory back."""


class Job(Protocol):
    """Something that picamera2's own thread does."""

    def get_result(self, timeout: float | None = None) -> Request:
        """The result, or the error."""


class Device(Protocol):
    """The part of `picamera2.Picamera2` that uSense uses; a test compares it with the real package."""

    is_open: bool
    notifyme_w: int

    def __init__(self, camera_num: int = 0) -> None:
        """Take the camera at this place in `global_camera_info`; nobody else can have it then."""

    @staticmethod
    def global_camera_info() -> Sequence[Mapping[str, Any]]:
        """All cameras, in an order that changes when one comes or goes."""

    @property
    def notifymeread(self) -> IO[bytes]:
        """One end of a pipe; `notifyme_w` is the other."""

    @property
    def camera_controls(self) -> Mapping[str, Any]:
        """What can be adjusted."""

    def create_video_configuration(  # noqa: PLR0913, PLR0917 - it is picamera2's
        self,
        main: dict[str, Any] = ...,
        lores: dict[str, Any] | None = ...,
        raw: dict[str, Any] | None = ...,
        transform: Any = ...,
        colour_space: Any = ...,
        buffer_count: int = ...,
        controls: dict[str, Any] = ...,
        *,
        queue: bool = ...,
    ) -> dict[str, Any]:
        """A configuration to be adapted."""

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Ask for it; what is got may differ."""

    def camera_configuration(self) -> dict[str, Any]:
        """What was got."""

    def start(self) -> None:
        """Begin; a thread of picamera2's does the jobs."""

    def capture_request(self, *, wait: bool, signal_function: Callable[[Job], object]) -> Job:
        """Ask for the next picture; `signal_function` is called in picamera2's thread, and never if that is lost."""

    def cancel_all_and_flush(self) -> None:
        """Forget all jobs."""

    def close(self) -> None:
        """Stop and give the camera back."""


Load: TypeAlias = Callable[[], type[Device]]


def load(devices: Path = Path("/dev")) -> type[Device]:
    """Import picamera2, which looks at the machine meanwhile: not before its devices are there."""
    if not any(devices.glob("video*")):
        raise NoCamera("no video devices")
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
    if not (find_spec("kms") or find_spec("pykms")):
        sys.modules["pykms"] = _no_display()
    # Its constructor logs what it raises as well, at each attempt.
    logging.getLogger("picamera2.picamera2").setLevel(logging.CRITICAL)
    from picamera2 import Picamera2  # noqa: PLC0415 - heavy, and only on a Pi

    device: type[Device] = Picamera2
    return device


def _no_display() -> ModuleType:
    """In place of `pykms`, which picamera2 imports for a preview on the display that a service never shows."""

    class Names:
        def __getattr__(self, name: str) -> str:
            return name

    module = ModuleType("pykms")
    module.PixelFormat = Names()  # type: ignore[attr-defined] # modules have what they are given
    return module


def find(infos: Sequence[Mapping[str, Any]], wanted: str | int) -> tuple[int, str]:
    """Place and Id of the camera with this Id or number, or of the first; raises LookupError."""
    if not infos:
        raise NoCamera("no cameras")
    ids = [str(info["Id"]) for info in infos]
    if wanted in ids:
        return ids.index(str(wanted)), str(wanted)
    number = int(wanted or 0) if str(wanted or 0).isdecimal() else len(ids)
    if number < len(ids):
        return number, ids[number]
    there = ", ".join(f"{place}: {info['Id']} ({info.get('Model', '?')})" for place, info in enumerate(infos))
    raise LookupError(f"there is no camera {wanted}; there are {there}")


def created(device_class: type[Device], place: int) -> Device:
    """The device, taken. What a failed constructor leaves behind is given back, too: it would keep the camera busy."""
    device = device_class.__new__(device_class)
    try:
        device.__init__(place)  # type: ignore[misc] # so that a half-made one is in our hands
    except BaseException:
        dispose(device)
        raise
    # uSense closes it in time; at the end of Python a hanging driver would keep the process from ending.
    atexit.unregister(device.close)
    return device


def dispose(device: Device) -> str:
    """Give everything back, whatever state the device is in: also with its thread dead and jobs that never finish.

    Returns why the camera cannot be given back; empty if it was.
    """
    problem = ""
    for call in ("cancel_all_and_flush", "close"):
        try:
            getattr(device, call)()
        except _REFUSALS as error:
            # Half-made ones lack what `close` looks for at its end, when the camera itself has been released.
            made = not isinstance(error, LookupError | AttributeError)
            problem = str(error) if made and getattr(device, "is_open", False) else ""
            log.debug("camera closed with an error", error=repr(error))
    device.is_open = False
    end = getattr(device, "notifymeread", None)
    if end is not None and not end.closed:
        end.close()
        with suppress(OSError):
            os.close(device.notifyme_w)
    return problem


@contextmanager
def in_plain_words(camera: str) -> Iterator[None]:
    """Calls of picamera2: their errors become CameraErrors that say what to do."""
    try:
        yield
    except (ImportError, NoCamera) as error:
        raise CameraAbsentError(camera, _reason(error)) from error
    except _REFUSALS as error:
        raise CameraError(camera, _reason(error)) from error


def forget_locals(error: BaseException) -> None:
    """Let go of what the error's frames refer to: a closed device, with its files, would live as long as the error."""
    for link in _chain(error):
        traceback.clear_frames(link.__traceback__)


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and len(links) < _LIMIT:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


_NO_CAMERA = (
    "no camera was found: is its cable in, the right way round, and `camera_auto_detect=1` in "
    "/boot/firmware/config.txt? `rpicam-hello --list-cameras` shows what the system sees; in a container, map "
    "/dev/video*, /dev/media*, /dev/v4l-subdev*, /dev/dma_heap and /run/udev into it"
)
_BUSY = "another program uses the camera: stop that one; `sudo fuser -v /dev/media*` names it"
_NO_RIGHT = "its devices may not be opened: add the user to the group video (`sudo usermod -aG video USER`)"
_NO_ROOM = "there is no memory for its pictures: choose a smaller `size`, or raise `cma=` in /boot/firmware/config.txt"
_ADVICE: Sequence[tuple[str, str]] = (
    (
        "no video devices",
        "there are no video devices (/dev/video*): attach a camera; a container needs them mapped",
    ),
    ("no cameras", _NO_CAMERA),
    ("no camera number", _NO_CAMERA),
    ("there is no camera ", "{text}"),
    ("busy", _BUSY),
    ("in use by another process", _BUSY),
    ("dmaheap", "there is no memory for its pictures: /dev/dma_heap is missing; in a container, map it into it"),
    ("permission denied", _NO_RIGHT),
    ("unable to cast", "a value under `controls` is of the wrong kind ({text})"),
    ("cannot allocate memory", _NO_ROOM),
)
"""Words in an error, and what to say then."""


def _reason(error: BaseException) -> str:
    """What went wrong and what to do."""
    links = [error]
    while (cause := links[-1].__cause__) is not None and len(links) < _LIMIT:
        links.append(cause)
    texts = [str(link) for link in links]
    if isinstance(error, ImportError):
        return _import_advice(error)
    if "numpy" in texts[0] and "incompatib" in texts[0]:
        command = f"{sys.prefix}/bin/pip install --ignore-installed simplejpeg"
        return f"picamera2 does not fit the installed numpy; `{command}` helps"
    for text in texts:
        for words, advice in _ADVICE:
            if words in text.lower():
                return advice.format(text=text)
    return f"picamera2 says: {': '.join(text for text in texts if text) or type(error).__name__}"


def _import_advice(error: ImportError) -> str:
    seen = f", then let this environment see it: `python3 -m venv --system-site-packages {sys.prefix}`"
    return f"picamera2 cannot be imported ({error}): install it with `sudo apt install python3-picamera2`" + (
        seen if sys.prefix != sys.base_prefix else ""
    )
