"""Fetching weights: resumed, verified, kept whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.ports import free_port
from uSense import weights
from uSense.core.errors import DownloadError
from uSense.weights import YUNET, Weights, fetch, found, place, state, take

CONTENT = bytes(range(256)) * 1000


@dataclass
class Publisher:
    """A web server with one file, which may break off, lie or refuse."""

    port: int
    content: bytes = CONTENT
    cut_after: int | None = None
    ranges: bool = True
    status: int | None = None
    asked: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The file, or what is left of it."""
        wanted = request.headers.get("Range", "")
        self.asked.append(wanted)
        self.hosts.append(request.host)
        if self.status:
            return web.Response(status=self.status)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start > len(self.content):
            return web.Response(status=416)
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(self.content) - start
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        await response.prepare(request)
        if self.cut_after is not None:
            end, self.cut_after = start + self.cut_after, None
            await response.write(self.content[start:end])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(self.content[start:])
        return response


@pytest.fixture
async def publisher(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Publisher]:
    """The server, and no waiting between two tries."""
    monkeypatch.setattr(weights, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Publisher(free_port())
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.port).start()
    yield server
    await runner.cleanup()


def entry(publisher: Publisher, content: bytes = CONTENT) -> Weights:
    """Pinned weights at this publisher."""
    return replace(
        YUNET,
        url=f"http://127.0.0.1:{publisher.port}/file.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


def kept(folder: Path) -> list[str]:
    """What lies in the folder of models."""
    return sorted(file.name for file in (folder / weights.FOLDER).iterdir())


async def test_a_file_is_fetched_and_verified(tmp_path: Path, publisher: Publisher) -> None:
    """It lies in its place, and progress was told."""
    told: list[int] = []
    wanted = entry(publisher)
    path = await fetch(wanted, tmp_path / "data", told.append)
    assert path == place(tmp_path / "data", wanted)
    assert path.read_bytes() == CONTENT
    assert told[-1] == len(CONTENT)
    assert await asyncio.to_thread(state, tmp_path / "data", wanted) == "there"
    assert kept(tmp_path / "data") == [wanted.file]


async def test_a_broken_download_goes_on_where_it_stopped(tmp_path: Path, publisher: Publisher) -> None:
    """Nothing is fetched twice."""
    publisher.cut_after = 100_000
    path = await fetch(entry(publisher), tmp_path)
    assert path.read_bytes() == CONTENT
    assert publisher.asked[0] == ""
    assert publisher.asked[1].startswith("bytes=")
    assert publisher.asked[1] != "bytes=0-"


async def test_a_server_that_cannot_continue_begins_anew(tmp_path: Path, publisher: Publisher) -> None:
    """What is there is written over."""
    publisher.cut_after, publisher.ranges = 100_000, False
    assert (await fetch(entry(publisher), tmp_path)).read_bytes() == CONTENT


async def test_an_unfinished_file_of_something_else_is_thrown_away(tmp_path: Path, publisher: Publisher) -> None:
    """First it spoils the hash, then the next try is right."""
    part = tmp_path / weights.FOLDER / f"{YUNET.file}.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="wrong SHA-256"):
        await fetch(entry(publisher), tmp_path)
    assert (await fetch(entry(publisher), tmp_path)).read_bytes() == CONTENT


async def test_a_longer_unfinished_file_is_no_hindrance(tmp_path: Path, publisher: Publisher) -> None:
    """The server says that there is no such range."""
    part = tmp_path / weights.FOLDER / f"{YUNET.file}.part"
    part.parent.mkdir()
    part.write_bytes(b"x" * (len(CONTENT) + 5))
    assert (await fetch(entry(publisher), tmp_path)).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"y" * len(CONTENT), CONTENT + b"more"])
async def test_another_file_is_refused_and_not_kept(tmp_path: Path, publisher: Publisher, content: bytes) -> None:
    """Neither in its place nor as an unfinished one."""
    publisher.content = content
    with pytest.raises(DownloadError, match=r"wrong SHA-256|more than the 256000 bytes"):
        await fetch(entry(publisher), tmp_path)
    assert kept(tmp_path) == []


async def test_a_refusal_is_told_at_once(tmp_path: Path, publisher: Publisher) -> None:
    """With the server's status; what will not change is not tried again."""
    publisher.status = 404
    with pytest.raises(DownloadError, match="answered with 404"):
        await fetch(entry(publisher), tmp_path)
    assert len(publisher.asked) == 1


async def test_no_net_is_told_with_the_way_out(tmp_path: Path, publisher: Publisher) -> None:
    """The sentence names `--from`."""
    wanted = replace(entry(publisher), url=f"http://127.0.0.1:{free_port()}/file.onnx")
    with pytest.raises(DownloadError, match=r"cannot be fetched: .*--from FILE"):
        await fetch(wanted, tmp_path)


async def test_the_proxy_of_the_environment_is_used(
    tmp_path: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher's host is asked for through it."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{publisher.port}")
    wanted = replace(entry(publisher), url="http://models.invalid/file.onnx")
    assert (await fetch(wanted, tmp_path)).read_bytes() == CONTENT
    assert publisher.hosts == ["models.invalid"]


async def test_the_real_weights(tmp_path: Path, publisher: Publisher, models: Path) -> None:
    """The pin fits the file that others use, and a copy can be brought by hand."""
    real = models / YUNET.file
    publisher.content = real.read_bytes()
    path = await fetch(replace(YUNET, url=f"http://127.0.0.1:{publisher.port}/x"), tmp_path / "net")
    assert path.read_bytes() == real.read_bytes()
    assert (await asyncio.to_thread(take, YUNET, real, tmp_path / "hand")).read_bytes() == real.read_bytes()
    assert await asyncio.to_thread(state, tmp_path / "hand", YUNET) == "there"


def test_a_wrong_file_brought_by_hand_is_refused(tmp_path: Path) -> None:
    """Nothing is kept, and missing ones are told."""
    (tmp_path / "other").write_bytes(b"other")
    for name, words in (("other", "is not face_detection_yunet_2023mar.onnx"), ("none", "cannot be read")):
        with pytest.raises(DownloadError, match=words):
            take(YUNET, tmp_path / name, tmp_path / "data")
    assert state(tmp_path / "data", YUNET) == "missing"


def test_a_file_in_the_wrong_place_is_noticed(tmp_path: Path) -> None:
    """Whatever it is, it is not the weights."""
    place(tmp_path, YUNET).parent.mkdir()
    place(tmp_path, YUNET).write_bytes(b"x")
    assert state(tmp_path, YUNET) == "wrong"


def test_weights_installed_with_usense_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the container image are used until others lie among the data, also if these are wrong."""
    monkeypatch.setattr(weights, "BESIDE", tmp_path / "image")
    assert found(tmp_path / "data", YUNET) == place(tmp_path / "data", YUNET)
    for folder in ("image", "data"):
        place(tmp_path / folder, YUNET).parent.mkdir(parents=True)
        place(tmp_path / folder, YUNET).write_bytes(b"x")
        assert found(tmp_path / "data", YUNET) == place(tmp_path / folder, YUNET)
    assert state(tmp_path / "data", YUNET) == "wrong"
