"""What the service fetches for people's pages, and what it may not."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from uSense.core.addresses import network
from uSense.core.errors import RequestError
from uSense.web import fetching
from uSense.web.fetching import Fetcher

HOUSE = [network("127.0.0.1")]


class Peer:
    """A server of the house, which notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answers: dict[str, web.Response] = {}
        self.silent = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What was prepared for this path."""
        self.asked.append(request)
        if request.path == "/slow":
            await self.silent.wait()
        if request.path == "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(b"x" * 65_536)
        if request.path == "/same" and request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        prepared = self.answers[request.path]
        return web.Response(status=prepared.status, body=prepared.body, headers=prepared.headers)


@pytest.fixture
async def peer() -> Peer:
    """Answers what it is told to."""
    return Peer()


@pytest.fixture
async def server(peer: Peer) -> AsyncIterator[BaseTestServer]:
    """Its server."""
    app = web.Application()
    app.router.add_get("/{path:.*}", peer.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server
        peer.silent.set()


async def refused(fetcher: Fetcher, address: str) -> str:
    """Why an address is not fetched."""
    with pytest.raises(RequestError) as caught:
        await fetcher.get(address)
    assert caught.value.code in {"not_fetched", "bad_block"}
    return str(caught.value)


async def test_an_answer_is_remembered(peer: Peer, server: BaseTestServer) -> None:
    """With its type and where it came from in the end; cookies and who asks are told to nobody."""
    peer.answers["/from"] = web.Response(status=302, headers={"Location": "/feed", "Set-Cookie": "a=b"})
    peer.answers["/feed"] = web.Response(text="news", headers={"Content-Type": "text/xml; charset=latin-1"})
    fetcher = Fetcher(HOUSE)

    fetched = await fetcher.get(str(server.make_url("/from")))
    assert (fetched.content, fetched.type) == (b"news", "text/xml; charset=latin-1")
    assert fetched.address == str(server.make_url("/feed"))
    assert await fetcher.get(str(server.make_url("/from"))) is fetched
    assert len(peer.asked) == 2
    assert not {"Cookie", "Authorization", "Referer"} & set(peer.asked[1].headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]"])
async def test_the_own_network_is_out_of_reach(peer: Peer, server: BaseTestServer, host: str) -> None:
    """However it is written: what counts is the address that is connected to."""
    await refused(Fetcher(), f"http://{host}:{server.port}/feed")
    assert peer.asked == []


async def test_what_is_in_the_own_network_is_named(server: BaseTestServer) -> None:
    """So that whoever cares for the house knows which setting allows it."""
    assert "web.fetch.allow" in await refused(Fetcher(), f"http://localhost:{server.port}/feed")


async def test_a_redirect_leads_nowhere_else(peer: Peer, server: BaseTestServer) -> None:
    """Neither to another machine of the house, nor to what is not of the web, nor round and round."""
    fetcher = Fetcher(HOUSE)
    for path, target in {
        "/there": f"http://127.0.0.2:{server.port}/feed",
        "/file": "file:///etc/passwd",
        "/login": "http://anna:secret@127.0.0.1/",
        "/broken": "http://[",
        "/round": "/round",
    }.items():
        peer.answers[path] = web.Response(status=307, headers={"Location": target})
    assert "127.0.0.2" in await refused(fetcher, str(server.make_url("/there")))
    assert "no address of the web" in await refused(fetcher, str(server.make_url("/file")))
    assert "secret" not in await refused(Fetcher(), str(server.make_url("/login")))
    await refused(fetcher, str(server.make_url("/broken")))
    asked = len(peer.asked)
    assert "further addresses" in await refused(fetcher, str(server.make_url("/round")))
    assert len(peer.asked) - asked == fetching.REDIRECTS + 1


async def test_an_answer_has_a_size(peer: Peer, server: BaseTestServer) -> None:
    """An endless one is left, and so is one that is small only while it travels."""
    peer.answers["/fits"] = web.Response(body=gzip.compress(b"x" * 500), headers={"Content-Encoding": "gzip"})
    peer.answers["/bomb"] = web.Response(body=gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})
    peer.answers["/torn"] = web.Response(body=zlib.compress(b"x"), headers={"Content-Encoding": "gzip"})
    fetcher = Fetcher(HOUSE)

    assert (await fetcher.get(str(server.make_url("/fits")))).content == b"x" * 500
    assert "more than 1 MB" in await refused(fetcher, str(server.make_url("/endless")))
    assert "more than 1 MB" in await refused(fetcher, str(server.make_url("/bomb")))
    await refused(fetcher, str(server.make_url("/torn")))


async def test_an_answer_has_a_time(server: BaseTestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever never answers hinders nobody for long."""
    monkeypatch.setattr(fetching, "PATIENCE", 0.05)
    assert "took too long" in await refused(Fetcher(HOUSE), str(server.make_url("/slow")))


async def test_what_is_the_same_is_not_sent_again(
    peer: Peer, server: BaseTestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for by its mark; what cannot be had anew stays as it was."""
    monkeypatch.setattr(fetching, "FRESH", -1.0)
    monkeypatch.setattr(fetching, "SULK", -1.0)
    peer.answers["/same"] = web.Response(text="news", headers={"ETag": '"1"', "Last-Modified": "yesterday"})
    fetcher = Fetcher(HOUSE)
    address = str(server.make_url("/same"))

    first = await fetcher.get(address)
    again = await fetcher.get(address)
    assert again.content == first.content
    assert peer.asked[1].headers["If-Modified-Since"] == "yesterday"
    await server.close()
    assert (await fetcher.get(address)).content == b"news"


@pytest.mark.parametrize(
    ("status", "old", "lasts"), [(503, 1e9, True), (503, -1.0, False), (404, 1e9, False), (410, 1e9, False)]
)
async def test_what_was_is_not_shown_for_ever(
    *, status: int, old: float, lasts: bool, peer: Peer, server: BaseTestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a day while its server is in trouble, as what it is; not at all once there is no such thing any more."""
    monkeypatch.setattr(fetching, "FRESH", -1.0)
    monkeypatch.setattr(fetching, "SULK", -1.0)
    monkeypatch.setattr(fetching, "OLD", old)
    fetcher, address = Fetcher(HOUSE), str(server.make_url("/feed"))
    peer.answers["/feed"] = web.Response(text="news")
    assert not (await fetcher.get(address)).earlier

    peer.answers["/feed"] = web.Response(status=status)
    for _ in range(2):
        if lasts:
            again = await fetcher.get(address)
            assert (again.content, again.earlier) == (b"news", True)
        else:
            assert str(status) in await refused(fetcher, address)

    peer.answers["/feed"] = web.Response(text="newer")
    again = await fetcher.get(address)
    assert (again.content, again.earlier) == (b"newer", False)


async def test_a_failure_is_not_repeated_at_once(peer: Peer, server: BaseTestServer) -> None:
    """Many kiosks that ask for what is broken do not ask its server each time."""
    peer.answers["/gone"] = web.Response(status=410)
    fetcher = Fetcher(HOUSE)
    for _ in range(3):
        assert "410 Gone" in await refused(fetcher, str(server.make_url("/gone")))
    assert len(peer.asked) == 1


async def test_what_is_remembered_is_bounded(
    peer: Peer, server: BaseTestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number and by bytes: what was not wanted longest leaves."""
    monkeypatch.setattr(fetching, "MOST", 2)
    fetcher = Fetcher(HOUSE)
    for name in "abcb":
        peer.answers[f"/{name}"] = web.Response(text=name * 100)
        await fetcher.get(str(server.make_url(f"/{name}")))
    assert [request.path for request in peer.asked] == ["/a", "/b", "/c"]

    monkeypatch.setattr(fetching, "MOST_BYTES", 150)
    await fetcher.get(str(server.make_url("/a")))
    await fetcher.get(str(server.make_url("/b")))
    assert [request.path for request in peer.asked[3:]] == ["/a", "/b"]
