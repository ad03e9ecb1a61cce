"""Streams: addresses and passwords, what can go wrong in plain words, recordings."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.peers.mjpeg import MjpegServer
from tests.peers.rtsp import RtspServer
from tests.peers.show import Show
from tests.support.films import bars, number_of, retimed, shows_bars, write_film
from uSense.cameras import stream
from uSense.cameras.avpicture import AvPicture
from uSense.cameras.stream import StreamSettings, Tempo
from uSense.core.errors import CameraError, CameraFinished
from uSense.ports import Camera

SECRET = "p@:/%#? &=é'\""
SERVERS: list[Callable[..., Show]] = [RtspServer, MjpegServer]


async def refusal(settings: StreamSettings) -> CameraError:
    """The error with which a camera cannot be opened."""
    with pytest.raises(CameraError) as caught:
        await settings.open("hall").__aenter__()
    return caught.value


async def assert_shown(settings: StreamSettings, frames: int) -> None:
    """Read a recording to its end: each frame is read once, in order, or counted as skipped."""
    shown: list[int] = []
    async with settings.open("hall") as camera:
        with pytest.raises(CameraFinished, match="was shown to its end"):
            await read_on(camera, shown)
    assert shown == sorted(set(shown))
    assert shown[-1] == frames - 1
    assert len(shown) + camera.skipped == frames


async def collect(settings: StreamSettings, shown: list[int]) -> None:
    """Open and read until the end."""
    async with settings.open("hall") as camera:
        await read_on(camera, shown)


async def read_on(camera: Camera, shown: list[int]) -> None:
    """Read until the end."""
    while True:
        shown.append(number_of((await camera.read()).picture.gray()))


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A server that takes connections and says nothing."""
    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for writer in connections:
            writer.close()


# Network cameras


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("inside", [True, False])
async def test_password_opens_the_camera(server: Callable[..., Show], *, inside: bool) -> None:
    """The right user and password are accepted, with any characters, in the address or beside it."""
    async with server(username="us er", password=SECRET) as peer:
        settings = StreamSettings(url=peer.url, username="us er", password=SecretStr(SECRET))
        if inside:
            settings = StreamSettings(url=settings.address)
        async with settings.open("hall") as camera:
            assert shows_bars((await camera.read()).picture.rgb())


@pytest.mark.parametrize("server", SERVERS)
async def test_wrong_password_is_told_without_it(server: Callable[..., Show]) -> None:
    """A refused login is said in plain words; not even the traceback has the password."""
    async with server(username="anna", password="right") as peer:
        error = await refusal(StreamSettings(url=peer.url.replace("://", "://anna:geheim@")))
    assert "wrong user or password" in error.reason
    assert "geheim" not in "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("server", SERVERS)
async def test_wrong_path_is_told(server: Callable[..., Show]) -> None:
    """A camera without this stream is told from one that is away."""
    async with server() as peer:
        assert "has no stream under this path" in (await refusal(StreamSettings(url=peer.url + "x"))).reason


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "this user may not see"), (404, "no stream under this path"), (500, "cannot be reached")],
)
async def test_http_errors_are_told(status: int, words: str) -> None:
    """What the camera's web server answers is said in plain words."""
    async with MjpegServer(status=status) as peer:
        assert words in (await refusal(StreamSettings(url=peer.url))).reason


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
async def test_nobody_there_is_told(scheme: str) -> None:
    """A closed port and a host that does not exist are told apart."""
    async with silent_server() as port:
        pass
    assert "nobody answers" in (await refusal(StreamSettings(url=f"{scheme}://127.0.0.1:{port}/x"))).reason
    assert "cannot be reached" in (await refusal(StreamSettings(url=f"{scheme}://u:geheim@nowhere.invalid/x"))).reason


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
async def test_silent_server_is_given_up(scheme: str) -> None:
    """A camera that accepts the connection and says nothing is given up after the open timeout."""
    async with silent_server() as port:
        error = await refusal(StreamSettings(url=f"{scheme}://127.0.0.1:{port}/x", open_timeout=1))
    assert "within 1 s" in error.reason


@pytest.mark.parametrize("server", SERVERS)
async def test_frames_that_nobody_wants_are_only_counted(
    server: Callable[..., Show], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for a frame of later on gets it; of those in between no picture is made."""
    made = list[AvPicture]()

    def noted(*arguments: Any, **options: Any) -> AvPicture:
        made.append(AvPicture(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(stream, "AvPicture", noted)
    async with server(fps=50) as show, StreamSettings(kind="stream", url=show.url).open("hall") as camera:
        first = await camera.read()
        later = await camera.read(first.stamp + 0.5)
        made_then, skipped = len(made), camera.skipped

    assert later.stamp >= first.stamp + 0.5
    assert number_of(later.picture.gray()) > number_of(first.picture.gray())
    assert skipped >= 5
    assert made_then < skipped


@pytest.mark.parametrize("server", SERVERS)
async def test_stalled_camera_is_lost(server: Callable[..., Show]) -> None:
    """A camera that keeps the connection but sends nothing is lost after the read timeout."""
    async with server() as peer, StreamSettings(url=peer.url, read_timeout=2).open("hall") as camera:
        await camera.read()
        peer.stalled = True
        with pytest.raises(CameraError, match="for 2 s"):
            await read_on(camera, [])


@pytest.mark.parametrize("server", SERVERS)
async def test_stalled_camera_can_be_closed(server: Callable[..., Show]) -> None:
    """Closing does not wait for a silent camera; its thread ends by itself after the read timeout."""
    async with server() as peer:
        async with StreamSettings(url=peer.url, read_timeout=2).open("stalled") as camera:
            (thread,) = (thread for thread in threading.enumerate() if thread.name == "camera stalled")
            await camera.read()
            peer.stalled = True
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()


@pytest.mark.parametrize("server", SERVERS)
async def test_opening_can_be_cancelled(server: Callable[..., Show]) -> None:
    """Who gives up while the camera is being opened leaves no thread behind."""
    async with server() as peer:
        opening = asyncio.create_task(refusal(StreamSettings(url=peer.url)), name="open")
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening


async def test_broken_pictures_are_no_stream() -> None:
    """A server that sends something else than pictures is refused."""
    async with MjpegServer(garbage=b"no picture at all" * 20, fps=200) as peer:
        settings = StreamSettings(url=peer.url, open_timeout=1, read_timeout=1)
        with pytest.raises(CameraError, match=r"nothing that can be decoded|no picture"):
            await collect(settings, [])


async def test_single_broken_picture_is_passed_over() -> None:
    """One damaged picture does not end the stream."""
    async with MjpegServer() as peer, StreamSettings(url=peer.url).open("hall") as camera:
        await camera.read()
        peer.garbage = b"\xff\xd8\xff\xdb" + b"garbage" * 50
        await peer.sent(3)
        peer.garbage = b""
        await peer.sent(3)
        assert shows_bars((await camera.read()).picture.rgb())


# Files


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv444p"),
        ("b.mp4", "libx264", "yuv420p10le"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.webm", "libvpx", "yuv420p"),
        ("b.avi", "rawvideo", "yuyv422"),
        ("c.avi", "rawvideo", "bgr24"),
    ],
)
async def test_film_is_shown_to_its_end(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    """Every frame of a video file is shown once, in order, in the right colors; then the camera is finished."""
    film = write_film(tmp_path / name, 6, codec=codec, pixels=pixels)
    await assert_shown(StreamSettings(url=str(film)), 6)
    async with StreamSettings(url=f"file://{film}").open("hall") as camera:
        assert shows_bars((await camera.read()).picture.rgb())


async def test_looped_film_begins_a_new_scene(tmp_path: Path) -> None:
    """When the film begins again its frames belong to another scene."""
    film = write_film(tmp_path / "film.mp4", 3)
    async with StreamSettings(url=str(film), loop=True).open("hall") as camera:
        frames = [await camera.read() for _ in range(9)]
    shown = [(frame.scene, number_of(frame.picture.gray())) for frame in frames]
    assert shown == sorted(set(shown))
    assert len({scene for scene, _ in shown}) >= 3


async def test_single_frame_is_a_film(tmp_path: Path) -> None:
    """The shortest recording is shown, too."""
    await assert_shown(StreamSettings(url=str(write_film(tmp_path / "film.mp4", 1))), 1)


@pytest.mark.parametrize("times", [[0, 66, 40, 20, 200], [0, None, None, 133, 200], [0, 100_000, 200_000, 5, 6]])
async def test_odd_timestamps_are_survived(tmp_path: Path, times: list[int | None]) -> None:
    """Timestamps that are missing, go back or leap neither stop nor speed up the film."""
    film = write_film(tmp_path / "film.avi", 5, codec="mjpeg", pixels="yuvj420p")
    await assert_shown(StreamSettings(url=str(retimed(film, tmp_path / "odd.nut", times))), 5)


async def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    """Missing files, folders, texts, empty files, sound and unknown schemes are told apart."""
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "empty.mp4").touch()
    with av.open(tmp_path / "sound.wav", "w") as sound:
        track = sound.add_stream("pcm_s16le", rate=8000)
        assert isinstance(track, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        sound.mux(track.encode(frame))
    for url, words in {
        str(tmp_path / "missing.mp4"): "there is no",
        "/dev/video99": "plugged in",
        str(tmp_path): "use a camera of kind folder",
        str(tmp_path / "text.mp4"): "nothing that can be decoded",
        str(tmp_path / "empty.mp4"): "nothing that can be decoded",
        str(tmp_path / "sound.wav"): "only sound",
        "gopher2://cam/x": "does not know this kind",
    }.items():
        assert words in (await refusal(StreamSettings(url=url))).reason


async def test_film_cut_off_in_the_middle(tmp_path: Path) -> None:
    """A damaged recording is shown as far as it goes, then the camera is finished."""
    film = write_film(tmp_path / "film.avi", 10, codec="mjpeg", pixels="yuvj420p")
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    shown: list[int] = []
    with pytest.raises(CameraFinished):
        await collect(StreamSettings(url=str(film)), shown)
    assert 0 < shown[-1] < 9


@pytest.mark.parametrize("pixels", ["yuyv422", "yuv420p", "nv12"])
def test_devices_memory_is_not_kept(pixels: str) -> None:
    """Raw frames of a device are copied: the driver takes its memory back when the device is closed."""
    frame = av.VideoFrame.from_ndarray(bars(5), "rgb24").reformat(format=pixels)
    copy = stream._copied(frame)
    assert shows_bars(AvPicture(copy).rgb())
    assert not {plane.buffer_ptr for plane in frame.planes} & {plane.buffer_ptr for plane in copy.planes}


# The speed of recordings


def test_recording_keeps_its_speed() -> None:
    """Each frame waits for its time since the first one, however long the frames before took."""
    tempo = Tempo()
    assert tempo.pause(5.0, 100.0) == 0.0
    assert tempo.pause(5.1, 100.02) == pytest.approx(0.08)
    assert tempo.pause(5.2, 100.25) == 0.0
    assert tempo.pause(5.3, 100.26) == pytest.approx(0.04)


def test_long_delay_is_not_made_up() -> None:
    """After the machine was asleep the film goes on at its speed instead of racing."""
    tempo = Tempo()
    tempo.pause(0.0, 0.0)
    pauses = [tempo.pause(0.5 * index, 3600.0) for index in range(1, 6)]
    assert pauses == pytest.approx([0.0, 0.0, 0.0, 0.5, 1.0])


@given(st.lists(st.none() | st.floats(allow_nan=False), max_size=50), st.floats(0, 1e6))
def test_no_timestamp_stops_the_film(times: list[float | None], now: float) -> None:
    """Whatever the timestamps are, the next frame is due within a second."""
    tempo = Tempo()
    for time in times:
        pause = tempo.pause(time, now)
        assert 0.0 <= pause <= 1.001
        now += pause
