"""Whatever FFmpeg opens as moving pictures: network cameras (RTSP, MJPEG), V4L2 devices, video files.

A daemon thread reads and decodes; of its frames the newest waits for the loop.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote, unquote

from pydantic import AfterValidator, Field, SecretStr, field_serializer, model_validator

from uSense.cameras.avpicture import AvPicture
from uSense.cameras.base import CameraSettings, Inbox, new_scene
from uSense.core.errors import CameraError, CameraFinished
from uSense.core.models import Frame
from uSense.ports import Camera
from uSense.schema import Mark

if TYPE_CHECKING:
    from av import FFmpegError, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "rtsp": {"rtsp_transport": "tcp", "allowed_media_types": "video", "fpsprobesize": "0"},
    "http": {"fpsprobesize": "0"},
}
"""FFmpeg's options by scheme. To measure the frame rate while opening would cost a second or two."""
_LOW_DELAY = 1 << 19
"""FFmpeg's AV_CODEC_FLAG_LOW_DELAY."""
_MOST_BROKEN = 100
"""So many packets in a row that cannot be decoded are no accident."""
_HIDDEN = "**********"
"""Shown in place of a secret, as pydantic does."""
_REASONS = {
    "HTTPUnauthorizedError": "{place} refuses: wrong user or password",
    "HTTPForbiddenError": "{place} refuses: this user may not see the stream",
    "HTTPNotFoundError": "{place} has no stream under this path: check the address",
    "ConnectionRefusedError": "nobody answers at {place}: is the camera on, is the port right?",
    "FileNotFoundError": "there is no {place}: check the name; is the camera plugged in?",
    "PermissionError": "{place} may not be read: check its rights; devices belong to the group video",
    "IsADirectoryError": "{place} is a folder: use a camera of kind folder for it",
    "InvalidDataError": "{place} sends nothing that can be decoded: is it a video?",
    "LookupError": "{place} cannot be read: FFmpeg does not know this kind of stream",
}
"""Plain words for FFmpeg's errors, by the name of their class in PyAV."""
_STEP = 0.04
"""Seconds between frames of a recording that has no, or impossible, timestamps."""
_LONGEST_STEP = 1.0
"""Seconds; a longer gap in a recording's timestamps is passed over."""
_FAREWELL = 1.0
"""Seconds a closing camera waits for its thread; a stalled one ends by itself after the read timeout."""


def _with_host(url: str) -> str:
    if re.match(r"(?!file:)[a-z0-9+.-]+://(?:$|[/?#])", url, re.IGNORECASE):
        raise ValueError("has no host after '://'")
    return url


class StreamSettings(CameraSettings):
    """Show a network camera, a V4L2 device or a video file."""

    kind: Literal["stream"] = "stream"
    """The camera: a stream, device or file that FFmpeg can read."""
    url: Annotated[str, Mark.PLACE, AfterValidator(_with_host)] = Field(min_length=1, repr=False)
    """Address (`rtsp://...`, `http://...` for MJPEG), device (`/dev/video0`) or video file; a file's relative
    path starts at the folder of the settings file."""
    username: str = ""
    """User name at the camera; it may stand in the address instead."""
    password: SecretStr | None = None
    """Password at the camera; it may stand in the address instead."""
    password_file: Path | None = None
    """File that holds the password, in place of `password`."""
    loop: bool = False
    """Begin again at the end of a video file."""
    open_timeout: float = Field(default=10, ge=1, le=120)
    """Seconds to wait for the camera to answer."""
    read_timeout: float = Field(default=5, ge=1, le=120)
    """Seconds without a picture after which the camera counts as lost."""
    options: dict[str, str] = Field(default={}, repr=False)
    """Options for FFmpeg, such as `rtsp_transport: udp` or `video_size: 1280x720`."""

    @model_validator(mode="before")
    @classmethod
    def _without_login(cls, values: Any) -> Any:
        """Take user and password out of the address, for addresses are shown and logged."""
        if not isinstance(values, dict) or not isinstance(values.get("url"), str):
            return values
        url, username, password = split_login(values["url"])
        if (username and values.get("username")) or (password and values.get("password")):
            raise ValueError("user or password is given in the address and beside it: give it once")
        found = {"url": url, "username": username, "password": password}
        return values | {name: value for name, value in found.items() if value}

    @field_serializer("url")
    def _shown_url(self, _url: str) -> str:
        """Settings are published and shown: of an address no more than `place`."""
        return self.place

    @field_serializer("options")
    def _shown_options(self, options: dict[str, str]) -> dict[str, str]:
        """Of the options only the names: headers, for one, may hold a login."""
        return dict.fromkeys(options, _HIDDEN)

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Camera]:
        """Open the stream; raises CameraError."""
        inbox = Inbox(name, asyncio.get_running_loop(), 2 * self.read_timeout)
        reader = Reader(name, self, inbox)
        thread = threading.Thread(target=reader.run, name=f"camera {name}", daemon=True)
        thread.start()
        try:
            # FFmpeg keeps the time itself, except while a name is looked up.
            await inbox.wait_open(within=self.open_timeout + _FAREWELL)
            yield inbox
        finally:
            reader.stop.set()
            await asyncio.to_thread(thread.join, _FAREWELL)

    @property
    def is_device(self) -> bool:
        """Whether this is a V4L2 device."""
        return self.url.startswith(("/dev/video", "/dev/v4l"))

    @property
    def is_network(self) -> bool:
        """Whether this is neither a device nor a file."""
        return self.scheme not in {"", "file"}

    @property
    def scheme(self) -> str:
        """`rtsp`, `http` and so on; empty for devices and files."""
        return self.url.partition("://")[0].lower() if "://" in self.url else ""

    @property
    def place(self) -> str:
        """The address for people: of a network address only the host, for the rest may hold secrets."""
        scheme, mark, rest = self.url.partition("://")
        return scheme + mark + re.split("[/?#]", rest)[0] if self.is_network else self.url

    @property
    def address(self) -> str:
        """The address for FFmpeg, with user and password."""
        password = self.password.get_secret_value() if self.password else ""
        if not self.scheme:
            return str(Path(self.url).expanduser())
        if not (self.username or password):
            return self.url
        return self.url.replace("://", f"://{quote(self.username, safe='')}:{quote(password, safe='')}@", 1)


def split_login(url: str) -> tuple[str, str, str]:
    """An address without its login, the user name and the password; a password with `/`, `?` or `#` is understood."""
    scheme, mark, rest = url.partition("://")
    host = re.split("[/?#]", rest)[0]
    cut_short = "@" in rest and "@" not in host and re.search(r":(?!\d*$)", host.rpartition("]")[2])
    login, at, place = rest.rpartition("@") if cut_short else host.rpartition("@")
    if not mark or not at:
        return url, "", ""
    username, _, password = login.partition(":")
    return f"{scheme}://{place}{'' if cut_short else rest[len(host) :]}", unquote(username), unquote(password)


class Reader:
    """Opens, reads and closes the stream, all in one thread: FFmpeg's containers must not be shared."""

    def __init__(self, name: str, settings: StreamSettings, inbox: Inbox) -> None:
        self.stop = threading.Event()
        self._name = name
        self._settings = settings
        self._inbox = inbox

    def run(self) -> None:
        """Read until stopped, the end, or an error; the latter two reach the loop by the inbox."""
        try:
            while not self.stop.is_set():
                self._play()
        except BaseException as error:  # noqa: BLE001 - in a thread, even a bug has to be handed over
            self._inbox.fail(error)

    def _play(self) -> None:
        """Once from opening to the end. FFmpeg's own errors are not chained: their text has the password in it."""
        import av  # noqa: PLC0415 - heavy: paid for by those who use a stream

        settings, opened, begun = self._settings, False, time.monotonic()
        try:
            with av.open(
                settings.address,
                format="v4l2" if settings.is_device else None,
                options={**_OPTIONS.get(settings.scheme.removesuffix("s"), {}), **settings.options},
                timeout=(settings.open_timeout, settings.read_timeout),
            ) as container:
                stream = container.streams.best("video")
                if not isinstance(stream, av.VideoStream):
                    raise CameraError(self._name, f"{settings.place} has no pictures, only sound or data")
                opened = True
                self._inbox.opened()
                self._show(container, stream)
        except av.FFmpegError as error:
            # RTSP calls its time-out while opening invalid data.
            late = not opened and time.monotonic() - begun >= settings.open_timeout
            reason = _unanswered(settings) if late else _reason(error, settings, opened=opened)
            raise CameraError(self._name, reason) from None

    def _show(self, container: InputContainer, stream: VideoStream) -> None:
        """Offer every frame until stopped or lost; returns at the end of a recording that is to begin again."""
        settings, scene, shown = self._settings, new_scene(), False
        lasting = container.duration is not None and settings.scheme.startswith("http")
        recorded = lasting or not (settings.is_network or settings.is_device)
        # Threads for several frames would hold frames back, and few cameras cut their frames into slices.
        stream.codec_context.thread_count = 1
        if not recorded:
            stream.codec_context.flags |= _LOW_DELAY
        # The driver's memory is unmapped when the device is closed, but pictures may live longer.
        borrowed = settings.is_device and stream.codec_context.name == "rawvideo"
        tempo = Tempo()
        for stamp, frame in self._decoded(container, stream, patient=recorded):
            shown = True
            if not recorded and stamp < self._inbox.wanted:
                self._inbox.skipped += 1
                continue
            picture = AvPicture(_copied(frame) if borrowed else frame)
            luma = picture.luma()  # before the wait, while the pixels are in the processor's cache
            if recorded:
                if self.stop.wait(tempo.pause(frame.time, time.monotonic())):
                    return
                stamp = time.monotonic()  # noqa: PLW2901 - a recording's frames come from the disk before their time
            captured_at = time.time() - (time.monotonic() - stamp)
            self._inbox.put(
                Frame(camera=self._name, captured_at=captured_at, stamp=stamp, scene=scene, luma=luma, picture=picture)
            )
        if self.stop.is_set():
            return
        if not shown or not recorded:
            raise CameraError(
                self._name, f"{settings.place} ended the stream" if shown else f"{settings.place} is empty"
            )
        if not settings.loop:
            raise CameraFinished(self._name, f"{settings.place} was shown to its end")
        self.stop.wait(_STEP)

    def _decoded(
        self, container: InputContainer, stream: VideoStream, *, patient: bool
    ) -> Iterator[tuple[float, VideoFrame]]:
        """Frames with the monotonic second at which their data arrived."""
        import av  # noqa: PLC0415 - the same

        heard, broken = time.monotonic(), 0
        # Pictures that need no other ones, as of MJPEG, are not even decoded if nobody wants them.
        alone = not patient and stream.codec_context.codec.intra_only
        for packet in container.demux(stream):
            arrived = time.monotonic()
            if self.stop.is_set():
                return
            if arrived - heard > self._settings.read_timeout and not patient:
                # At its time-out FFmpeg first hands out what it held back; asked again, it would wait once more.
                raise CameraError(self._name, _silent(self._settings))
            heard = arrived
            self._inbox.heard()
            if alone and packet.size and arrived < self._inbox.wanted:
                self._inbox.skipped += 1
                continue
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                broken += 1
                if broken > _MOST_BROKEN:
                    raise
            else:
                broken = 0
                yield from ((arrived, frame) for frame in frames)


def _copied(frame: VideoFrame) -> VideoFrame:
    """The frame in memory of its own: only another pixel format makes FFmpeg copy."""
    return frame.reformat(format="nv12" if frame.format.name == "yuv420p" else "yuv420p", threads=1)


class Tempo:
    """Shows a recording at its own speed, whatever its timestamps are like."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._due: float | None = None

    def pause(self, time: float | None, now: float) -> float:
        """Seconds until the frame at second `time` of the recording is due; `now` in monotonic seconds."""
        if self._due is None:
            self._due = now
        else:
            step = -1.0 if time is None or self._last is None else time - self._last
            step = step if 0 <= step <= _LONGEST_STEP else _STEP
            self._due = max(self._due + step, now - _LONGEST_STEP)
        self._last = time
        return max(0.0, self._due - now)


def _unanswered(settings: StreamSettings) -> str:
    return f"no answer from {settings.place} within {settings.open_timeout:g} s: is it on, is the address right?"


def _silent(settings: StreamSettings) -> str:
    return f"no picture from {settings.place} for {settings.read_timeout:g} s: is it on, is the network in order?"


def _reason(error: FFmpegError, settings: StreamSettings, *, opened: bool) -> str:
    """What went wrong and what to do, in words that hold no secret."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    if "ExitError" in kinds or "TimeoutError" in kinds:
        return _silent(settings) if opened else _unanswered(settings)
    known = next((_REASONS[kind] for kind in kinds if kind in _REASONS), None)
    if known is not None:
        return known.format(place=settings.place)
    if not opened and settings.is_network:
        return f"{settings.place} cannot be reached ({error.strerror}): check the address and the network"
    return f"{settings.place} {'was lost' if opened else 'cannot be opened'}: {error.strerror}"
