"""What only attackers send, and what goes wrong around the pages while somebody looks."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.peers.certificates import Authority
from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from tests.support.values import portrait
from tests.support.waiting import until
from uSense import doors
from uSense.commands.base import Command, ImageBytes, read
from uSense.core.access import FREE, Scope
from uSense.core.errors import NotFoundError, RequestError
from uSense.core.events import Notice, State
from uSense.core.models import PersonRef
from uSense.schema import Branch
from uSense.web import pages
from uSense.web.api import commands
from uSense.web.sessions import MOST

FORM = "Content-Type: application/x-www-form-urlencoded"
HEAD = b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The pages."""
    monkeypatch.setattr(doors, "_UNREAD", 500)
    async with Site(tmp_path) as house:
        yield house


async def raw(site: Site, request: bytes) -> bytes:
    """How the answer to bytes begins."""
    host, _, port = site.server.origin.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    try:
        async with asyncio.timeout(10):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def post(path: str, body: bytes, *heads: str) -> bytes:
    """A request whose heads nobody checked."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}", *heads]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def get(path: str, *heads: str) -> bytes:
    """The same without a body."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *heads, "", ""]).encode(
        "latin-1"
    )


BROKEN: dict[str, tuple[bytes, int]] = {
    "token of no text": (get("/people", "Authorization: Bearer usense_\xff"), 401),
    "cookie of no text": (get("/people", "Cookie: usense=\xff; usense_kiosk=\xfe"), 401),
    "no HTTP": (b"GARBAGE\r\n\r\n", 400),
    "no header": (get("/", "X: a\x01b"), 400),
    "long header": (get("/", "X: " + "x" * 9000), 400),
    "many headers": (get("/", *["X: y"] * 200), 400),
    "two lengths": (post("/login", b"a", "Content-Length: 2"), 400),
    "length and chunks": (post("/login", b"0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
    "no host at all": (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    "another server": (get("http://evil.example/people"), 401),
    "unknown charset": (post("/login", b"password=x", f"{FORM}; charset=rot13"), 403),
    "form of no text": (post("/login", b"password=\xff&\xff=%ed%a0%80&%", FORM), 403),
    "fields without end": (post("/login", b"a&" * 30_000, FORM), 403),
    "form that is JSON": (post("/login", b"{}", "Content-Type: application/json"), 400),
    "form in parts": (post("/login", b"--b\r\n\r\n", "Content-Type: multipart/form-data; boundary=b"), 400),
    "form in no parts": (post("/login", b"abc", "Content-Type: multipart/form-data"), 400),
    "no content type": (post("/login", b"abc", "Content-Type: \xff;;="), 400),
    "packed bomb": (post("/login", gzip.compress(bytes(1_000_000)), FORM, "Content-Encoding: gzip"), 400),
    "packed badly": (post("/login", b"abcde", FORM, "Content-Encoding: br"), 400),
    "too large": (post("/login", bytes(65_537), FORM), 413),
    "too large in chunks": (
        post("/login", b"", FORM, "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
        + b"11000\r\n" + b"x" * 0x11000 + b"\r\n0\r\n\r\n",
        413,
    ),
}  # fmt: skip


async def test_what_is_broken_is_refused(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """In words and with headers that make browsers careful; it is no fault of ours, so the log stays empty."""
    for case, (request, status) in BROKEN.items():
        site.access.gate.passed("127.0.0.1")
        head = await raw(site, request)
        assert head.split(b" ", 2)[1] == str(status).encode(), case
        assert b"Content-Security-Policy: default-src 'none'" in head, case
        assert b"X-Content-Type-Options: nosniff" in head, case
        assert b"aiohttp" not in head, case
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_numbers_that_are_none(browser: Browser) -> None:
    """Are refused before anything is made of them."""
    asked = {
        "/visitors/x/faces/" + "0" * 5000 + ".jpg": 404,
        "/visitors/x/faces/000" + "9" * 30 + ".jpg": 404,
        "/visitors/x/faces/\u0663.jpg": 404,
        "/api/v1/sightings?most=000000001" + "0" * 5000: 400,
        "/api/v1/sightings?most=-1": 400,
        "/api/v1/sightings?most=\u0663": 400,
        "/api/v1/events?kinds=%ed%a0%80": 400,
        "/live/hall": 400,
    }
    assert {path: (await browser.send("GET", path)).status for path in asked} == asked


async def test_photos_without_end_are_given_up(browser: Browser) -> None:
    """Files, fields and empty parts beyond what a form has are not read."""
    heads = {
        "Content-Type": "multipart/form-data; boundary=b",
        "X-CSRF-Token": browser.csrf,
        "Origin": browser.origin,
    }
    field = b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n'
    bodies = [
        (HEAD + b"\r\n") * 600 + b"--b--\r\n",
        b"".join(field % number for number in range(30)) + b"--b--\r\n",
        (HEAD.replace(b"a.jpg", b"") + b"\r\n") * 600 + b"--b--\r\n",
        HEAD.replace(b"\r\n\r\n", b"\r\nX: y" * 200 + b"\r\n\r\n") + b"--b--\r\n",
        b"--b\r\n" * 1000,
    ]
    for body in bodies:
        answer = await browser.send("POST", "/people/add", data=body, headers=heads)
        assert answer.status in {400, 413}, answer.text[:300]


async def test_fifty_megabytes_are_not_taken(site: Site) -> None:
    """Neither as a picture of a command nor as any other body, whether their number is told or not."""
    _, word = await site.access.tokens.make("program", Scope.ADMIN)
    for command, kind in (("identify", "image/jpeg"), ("identify", "application/json"), ("info", "application/json")):
        heads = [f"Authorization: Bearer {word}", f"Content-Type: {kind}"]
        path = f"/api/v1/commands/{command}"
        told = await raw(site, post(path, b"", *heads).replace(b"Content-Length: 0", b"Content-Length: 50000000"))
        assert told.startswith(b"HTTP/1.1 413"), told[:100]
        async with site.browser() as browser:
            how = dict(head.split(": ") for head in heads)
            assert (await browser.send("POST", path, data=_fifty(), headers=how)).status == 413


async def _fifty() -> AsyncIterator[bytes]:
    for _ in range(50):
        yield bytes(1_000_000)


async def test_a_body_that_never_ends_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly it comes."""
    monkeypatch.setattr("uSense.web.visit.PATIENCE", -10.0)
    answer = await raw(site, post("/login", b"pass", FORM).replace(b"Length: 4", b"Length: 400"))
    assert answer.startswith(b"HTTP/1.1 408")


async def test_who_never_listens_is_given_up(site: Site) -> None:
    """A connection whose answers are not taken does not stay."""
    _, word = await site.access.tokens.make("program", Scope.READ)
    loop, port = asyncio.get_running_loop(), int(site.server.origin.rpartition(":")[2])
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", port))
        await loop.sock_sendall(deaf, get("/api/v1/events", f"Authorization: Bearer {word}"))
        await until(lambda: bool(site.hub._listeners))
        for number in range(60):
            site.hub.hear(State(f"x{number}", {"text": "x" * 200_000}))
        await until(lambda: not site.hub._listeners)


async def test_those_who_only_knock_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever never agrees upon the encryption counts as a connection, but not for long."""
    monkeypatch.setattr(doors, "HANDSHAKE", 1.0)
    ca = Authority.create(tmp_path / "ca")
    async with Site(tmp_path, certificate=ca.server, certificate_key=ca.server_key) as site:
        place = ("127.0.0.1", int(site.server.origin.rpartition(":")[2]))
        knocking = [await asyncio.open_connection(*place) for _ in range(doors.MOST_CONNECTIONS + 3)]
        assert await knocking[-1][0].read() == b""
        assert site.server.turned_away == 3
        for reader, writer in knocking:
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        trust = ssl.create_default_context(cafile=str(ca.ca))
        async with site.browser() as browser:
            assert (await browser.send("GET", "/login", ssl=trust)).status == 200


async def test_json_of_countless_parts_is_not_unfolded() -> None:
    """Each of them would need a hundred times its bytes."""
    for bomb in (b'{"a":[' + b"[]," * 20_000 + b"[]]}", b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}"):
        with pytest.raises(RequestError, match="more than 10000 parts"):
            read(bomb)


class Sent(Branch):
    """A picture."""

    image: ImageBytes


async def test_only_so_many_large_pictures_are_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until they are answered: others wait, at last for nothing; what is small need not wait."""
    monkeypatch.setattr(commands, "WAIT", 0.0)
    monkeypatch.setattr(commands, "_turns", asyncio.Semaphore(commands.AT_ONCE))
    asked, done = [], asyncio.Event()

    async def look(_: Any, sent: Sent) -> dict[str, int]:
        asked.append(len(sent.image))
        await done.wait()
        return {"bytes": len(sent.image)}

    command: Command[Any, Sent] = Command(name="look", payload=Sent, run=look, reply=dict[str, int], raw="image")
    route = (await asyncio.to_thread(commands.operation, command)).route
    async with Site(tmp_path, routes=(*pages.ROUTES, route)) as site, site.browser() as browser:
        _, word = await site.access.tokens.make("program", Scope.ADMIN)
        heads = {"Authorization": f"Bearer {word}", "Content-Type": "image/jpeg"}

        async def send(size: int) -> int:
            return (await browser.send("POST", route.path, data=bytes(size), headers=heads)).status

        first = [asyncio.create_task(send(100_000), name=f"picture {number}") for number in range(commands.AT_ONCE)]
        await until(lambda: len(asked) == commands.AT_ONCE)
        assert await send(100_000) == 429
        small = asyncio.create_task(send(1000), name="small picture")
        await until(lambda: 1000 in asked)
        done.set()
        assert await asyncio.gather(*first, small) == [200] * (commands.AT_ONCE + 1)


async def test_every_line_of_a_proxy_counts(tmp_path: Path) -> None:
    """A proxy may add a line of its own below what a client made up; who is none is not believed at all."""
    lines = [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")]
    for trusted in (["127.0.0.1"], ["192.0.2.1"]):
        async with Site(tmp_path, trusted_proxies=trusted) as site, site.browser() as browser:
            for _ in range(FREE):
                await browser.send("POST", "/login", data={"password": "wrong"}, headers=lines)
            slowed = [one for one in ("198.51.100.1", "203.0.113.7", "127.0.0.1") if site.access.gate.wait(one, 0.0)]
            assert slowed == (["203.0.113.7"] if trusted == ["127.0.0.1"] else ["127.0.0.1"])


async def test_a_proxy_may_give_this_machine_a_name(tmp_path: Path) -> None:
    """One that is trusted; for all others only the machine's own names count."""
    for trusted, status in ((["127.0.0.1"], 200), ([], 403)):
        async with Site(tmp_path, trusted_proxies=trusted) as site, site.browser() as browser:
            heads = {"X-Forwarded-Host": "home.example", "X-Forwarded-For": "203.0.113.7", "Host": "home.example"}
            assert (await browser.send("GET", "/login", headers=heads)).status == status


async def test_in_the_network_every_name_is_good(tmp_path: Path) -> None:
    """The house's router or its owner chose it."""
    async with Site(tmp_path, host="0.0.0.0") as site, site.browser() as browser:  # noqa: S104 - on purpose
        assert (await browser.send("GET", "/login", headers={"Host": "usense.fritz.box"})).status == 200


async def test_many_wrong_passwords_at_once(site: Site) -> None:
    """All that come at the same moment count before one is looked at; the others need no memory."""
    async with site.browser() as browser:
        sent = [browser.send("POST", "/login", data={"password": "wrong"}) for _ in range(30)]
        statuses = [answer.status for answer in await asyncio.gather(*sent)]
        assert (statuses.count(403), statuses.count(429)) == (FREE, 30 - FREE)


async def test_a_kiosk_ends_no_log_in_of_others(site: Site, browser: Browser) -> None:
    """However often it comes in, its own log-ins end."""
    _, word = await site.access.tokens.make("kiosk", Scope.KIOSK)
    first = await site.access.admit_kiosk(word)
    for _ in range(MOST):
        last = await site.access.admit_kiosk(word)

    assert (await browser.get("/")).status == 200
    assert await site.access.kiosk(first) is None
    assert await site.access.kiosk(last) is not None
    assert len((site.folder / "sessions.json").read_text("utf-8")) < 40_000


async def test_a_log_in_beside_a_password_of_a_proxy(site: Site, browser: Browser) -> None:
    """A browser sends a proxy's own password to us, too."""
    heads = {"Authorization": "Basic dTpw", "Accept": "text/html"}
    assert (await browser.send("GET", "/people", headers=heads)).status == 200


@pytest.mark.parametrize("by", ["log-out", "token", "disk"])
async def test_listening_ends_with_the_right_to_it(by: str, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a log-out, when a token is taken back, or when neither can be read any more."""
    monkeypatch.setattr("uSense.web.api.events.STILL_IN", 0.0)
    async with site.browser(logged_in=by == "log-out") as browser:
        token, word = await site.access.tokens.make("program", Scope.READ)
        heads = {} if by == "log-out" else {"Authorization": f"Bearer {word}"}
        async with browser.session.get(f"{browser.origin}/api/v1/events", headers=heads) as response:
            await until(lambda: bool(site.hub._listeners))
            if by == "log-out":
                await browser.post("/logout")
            elif by == "token":
                await site.access.tokens.take_back(token.token_id)
            else:
                (site.folder / "tokens.json").unlink()
                (site.folder / "tokens.json").mkdir()
            site.hub.hear(State("house", {"names": ["Anna"]}))
            async with asyncio.timeout(10):
                heard = await response.content.read()
    assert b"Anna" not in heard
    assert not site.hub._listeners


async def test_listening_ends_though_nothing_happens(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right to it is looked after without waiting for an event."""
    monkeypatch.setattr("uSense.web.api.events.STILL_IN", 0.01)
    monkeypatch.setattr("uSense.web.api.events.QUIET", 3600.0)
    async with site.browser() as browser:
        token, word = await site.access.tokens.make("program", Scope.READ)
        heads = {"Authorization": f"Bearer {word}"}
        async with browser.session.get(f"{browser.origin}/api/v1/events", headers=heads) as response:
            await until(lambda: bool(site.hub._listeners))
            await site.access.tokens.take_back(token.token_id)
            async with asyncio.timeout(30):
                await response.content.read()
    assert not site.hub._listeners


async def test_a_disk_that_fails_lets_nobody_in(site: Site, browser: Browser) -> None:
    """Strangers do not hear where what is kept; in the log it is."""
    (site.folder / "password.json").unlink()
    (site.folder / "password.json").mkdir()

    page = await browser.get("/people")
    told = await browser.send("GET", "/api/v1/states")

    assert (page.status, told.status) == (503, 503)
    assert '"code":"unavailable"' in told.text
    assert str(site.folder) not in page.text + told.text


async def test_a_viewer_who_is_gone_before_the_first_picture(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Is no fault, and leaves no place taken."""

    async def gone(*_: object) -> None:
        raise ConnectionResetError("Cannot write to closing transport")

    monkeypatch.setattr(web.WebSocketResponse, "prepare", gone)
    with pytest.raises(aiohttp.ClientError):
        await browser.session.ws_connect(f"{browser.origin}/live/hall")
    assert site.server.house.live.viewers == 0
    assert not caplog.records


async def test_who_is_erased_is_not_shown_any_more(site: Site, browser: Browser) -> None:
    """Neither the sightings of a person or a visitor nor their faces stay in memory; those of others do."""
    seen = [sighting(seq, name, event_id=f"e{seq}") for seq, name in enumerate(["Anna", "Bea", None, "Bea"])]
    anna = seen[0].person_id
    assert anna is not None
    seen[2] = replace(seen[2], visitor_id="v")
    seen[3] = replace(seen[3], previous=PersonRef(anna, "Anna"))
    for one in seen:
        site.hub.hear(portrait(one.seq))
        site.hub.hear(one)

    site.hub.hear(Notice("person.erased", {"person_id": anna, "erased": {}, "left": []}))
    site.hub.hear(Notice("visitor.expired", {"visitor_id": "v", "reason": "deleted"}))

    assert [one.event_id for one in site.hub.sightings] == ["e1"]
    assert list(site.hub.portraits) == [1]
    assert "Anna" not in (await browser.get("/")).text
    with pytest.raises(NotFoundError):
        site.hub.sighting("e0")
