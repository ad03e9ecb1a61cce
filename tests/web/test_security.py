"""Every route, taken from the server itself: who may what, from where, and what the answers let out."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from tests.support.examples import example_house
from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from tests.support.values import portrait
from uSense.commands.base import VISITOR_ID
from uSense.commands.visitors import EVENT_ID
from uSense.core.access import Scope, allows
from uSense.web import pages
from uSense.web.visit import Route

MAY: Mapping[Scope | None, str] = {
    None: """
        GET /static/{mark}/{name}
        GET /login
        POST /login
        POST /logout
        GET /healthz
        HEAD /healthz
        HEAD /readyz
        GET /readyz
        GET /metrics
        GET /me/{camera}
        GET /.well-known/jwks.json
    """,
    Scope.READ: """
        GET /
        GET /live/{camera}
        GET /live/{camera}/still.jpg
        GET /sightings/{event_id}
        GET /sightings/{event_id}/row
        GET /people
        GET /people/{person_id}
        GET /people/{person_id}/faces/{file}
        GET /visitors
        GET /visitors/{visitor_id}
        GET /visitors/{visitor_id}/faces/{file}
        GET /insight
        GET /api/v1/openapi.json
        GET /api/v1/health
        GET /api/v1/states
        GET /api/v1/sightings
        GET /api/v1/sightings/{event_id}/face
        GET /api/v1/events
        POST /api/v1/commands/person/list
        POST /api/v1/commands/train/status
        POST /api/v1/commands/identify
        POST /api/v1/commands/verify
        POST /api/v1/commands/visitor/list
        POST /api/v1/commands/camera/snapshot
        POST /api/v1/commands/info
    """,
    Scope.ENROLL: """
        POST /sightings/{event_id}
        GET /people/add
        GET /people/guided
        POST /people/add
        GET /people/{person_id}/add
        POST /people/{person_id}/add
        POST /people/train
        POST /people/{person_id}/rename
        POST /people/{person_id}/note
        POST /people/{person_id}/drop
        POST /people/{person_id}/allow
        GET /people/{person_id}/page
        POST /people/{person_id}/page
        POST /visitors
        POST /visitors/{visitor_id}
        POST /api/v1/commands/person/create
        POST /api/v1/commands/person/rename
        POST /api/v1/commands/face/add
        POST /api/v1/commands/face/delete
        POST /api/v1/commands/train
        POST /api/v1/commands/enroll/start
        POST /api/v1/commands/enroll/cancel
        POST /api/v1/commands/visitor/name
        POST /api/v1/commands/visitor/merge
        POST /api/v1/commands/visitor/ignore
        POST /api/v1/commands/visitor/delete
        POST /api/v1/commands/sighting/reject
    """,
    Scope.ADMIN: """
        POST /live/{camera}/pause
        POST /people/{person_id}/delete
        POST /people/{person_id}/merge
        GET /people/erased/{key}
        GET /settings
        GET /insight/report
        POST /insight/report.zip
        POST /settings
        POST /settings/password
        POST /settings/log-ins
        POST /settings/tokens
        POST /settings/tokens/remove
        POST /api/v1/commands/person/delete
        POST /api/v1/commands/person/merge
        POST /api/v1/commands/camera/pause
        POST /api/v1/commands/camera/resume
        POST /api/v1/commands/backup
        POST /api/v1/commands/settings/set
    """,
    Scope.KIOSK: """
        GET /me
        GET /me/{camera}/events
        GET /me/{camera}/mine
        GET /me/{camera}/mine/{number}/feed
        GET /me/{camera}/mine/{number}/video
        GET /me/{camera}/mine/{number}/pictures/{picture}
        GET /api/v1/pass
    """,
}
"""What each scope may beside those that it includes; None is for everybody. Who adds a route adds it here."""
OPEN, CLOSED = ([route for route in pages.ROUTES if (route.scope is None) is there] for there in (True, False))
UNSAFE = [route for route in pages.ROUTES if route.method not in {"GET", "HEAD"}]
NASTY = (
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "..%5c..%5cpassword.json",
    "%2fetc%2fpasswd",
    "%00",
    "x%00.jpg",
    "%ff",
    "%ed%a0%80",
    "%0d%0aSet-Cookie:%20a=b",
    "0" * 4500 + ".jpg",
    "{{7*7}}",
    "%3Cscript%3E",
)
"""What attackers put where an id is expected, as it is sent."""
HTML = {"Accept": "text/html"}


class Walk:
    """Visits every route."""

    def __init__(self, site: Site, browser: Browser, known: Mapping[str, str]) -> None:
        self.site = site
        self.browser = browser
        self.known = known

    def address(self, pattern: str) -> str:
        """The address of something that is there."""
        path = re.sub(r"\{(\w+)\}", lambda found: self.known.get(found[1], found[1]), pattern)
        return path.replace("/file", f"/{self.known['face']}" if "people" in path else "/0.jpg")

    async def ask(self, method: str, path: str, **how: Any) -> aiohttp.ClientResponse:
        """Ask for something; of what has no end only the beginning is read."""
        address = URL(self.site.server.origin + path, encoded=True)
        async with self.browser.session.request(method, address, allow_redirects=False, **how) as response:
            if response.content_type != "text/event-stream":
                await response.read()
            return response

    async def text(self, response: aiohttp.ClientResponse) -> str:
        """What was read."""
        return await response.text(errors="replace")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The pages, with somebody in each of them."""
    folder = tmp_path_factory.mktemp("house")
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(example_house(folder, keep_crops=True))
        site = await stack.enter_async_context(Site(folder, control))
        site.hub.hear(portrait(1))
        site.hub.hear(sighting(1, event_id=EVENT_ID))
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def walk(house: Site) -> AsyncIterator[Walk]:
    """A stranger's walk through them."""
    anna = await house.control.find("Anna")
    known = {
        "person_id": anna.person_id,
        "face": f"{anna.face_ids[0]}.jpg",
        "visitor_id": VISITOR_ID,
        "event_id": EVENT_ID,
        "camera": "hall",
        "mark": house.server.house.renderer.mark,
        "name": "style.css",
    }
    async with house.browser() as browser:
        yield Walk(house, browser, known)


pytestmark = pytest.mark.asyncio(loop_scope="module")


def name(route: Route) -> str:
    """A route in words."""
    return f"{route.method} {route.path}"


async def test_every_route_is_in_the_table(walk: Walk) -> None:
    """With the scope that it should need, and the server has no others."""
    told = {line.strip(): scope for scope, lines in MAY.items() for line in lines.strip().splitlines()}
    served = [(route.method, route.path) for route in walk.site.server.routes]

    assert {name(route): route.scope for route in pages.ROUTES} == told
    assert sorted(served) == sorted((route.method, route.path) for route in pages.ROUTES)


async def test_nothing_is_told_without_a_log_in(walk: Walk) -> None:
    """Neither to strangers nor to those with cookies or tokens that are none."""
    strangers: list[dict[str, Any]] = [
        {},
        {"headers": {"Cookie": "usense=guess; usense_kiosk=guess"}},
        {"headers": {"Authorization": "Bearer usense_guess"}},
        {"headers": {"Authorization": "Basic dTpw"}},
        {"headers": {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "admin"}},
        {"params": {"token": "guess"}},
    ]
    for route in CLOSED:
        for how in strangers:
            answer = await walk.ask(route.method, walk.address(route.path), **how)
            assert answer.status == 401, (name(route), how)
            assert json.loads(await walk.text(answer))["error"]["code"] == "log_in", name(route)
        led = await walk.ask(route.method, walk.address(route.path), headers=HTML)
        assert led.status == (401 if route.path.startswith("/api/") or route.method != "GET" else 303), name(route)
        assert "Anna" not in await walk.text(led)


async def test_what_is_open_tells_nothing_of_people(walk: Walk) -> None:
    """It is the same for everybody who is not logged in."""
    for route in OPEN:
        text = await walk.text(await walk.ask(route.method, walk.address(route.path), headers=HTML))
        assert "Anna" not in text, name(route)
        assert VISITOR_ID not in text, name(route)


async def test_each_token_does_what_its_scope_may(walk: Walk) -> None:
    """And nothing else, on every route."""
    for scope in Scope:
        token, word = await walk.site.access.tokens.make(scope.value, scope)
        for route in CLOSED:
            assert route.scope is not None
            headers = {"Authorization": f"Bearer {word}"}
            answer = await walk.ask(route.method, walk.address(route.path), headers=headers)
            refused = answer.status == 403 and "this needs the scope" in await walk.text(answer)
            assert refused != allows(scope, route.scope), (scope, name(route), answer.status)
            assert answer.status < 500, name(route)
        await walk.site.access.tokens.take_back(token.token_id)


async def test_forms_without_our_word_change_nothing(walk: Walk) -> None:
    """Whatever kind of body they have, and whatever they say instead of the word."""
    await walk.browser.log_in()
    bodies: list[dict[str, Any]] = [
        {},
        {"data": {"name": "Eve", "csrf": "0" * 64}},
        {"json": {"name": "Eve"}},
        {"data": b"name=Eve", "headers": {"Content-Type": "text/plain"}},
        {"data": b"\xff\xfe", "headers": {"X-CSRF-Token": "\xff"}},
        {"data": aiohttp.FormData({"name": "Eve", "csrf": ""}, default_to_multipart=True)},
    ]
    for route in UNSAFE:
        for how in bodies:
            if route.path == "/login":
                continue
            answer = await walk.ask(route.method, walk.address(route.path), **how)
            # Where photos are sent, only such a form is read so far as to its word.
            assert answer.status in ({400, 403} if route.path.endswith("/add") else {403}), (name(route), how)
    assert sorted(one.name for one in await walk.site.control.people()) == ["Anna", "Bea"]


async def test_pages_of_others_reach_nothing(walk: Walk) -> None:
    """Neither by forms nor by scripts, pictures and listening; only a link may lead here."""
    await walk.browser.log_in()
    csrf = {"X-CSRF-Token": walk.browser.csrf}
    foreign = [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ]
    for headers in foreign:
        for route in (*CLOSED, *UNSAFE):
            answer = await walk.ask(route.method, walk.address(route.path), headers={**csrf, **headers})
            assert answer.status == 403, (name(route), headers)
            assert "page of another site" in await walk.text(answer)
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", **HTML}
    assert (await walk.ask("GET", "/people", headers=link)).status == 200
    assert (await walk.ask("POST", "/people/train", headers={**csrf, **link})).status == 403


async def test_a_name_that_others_gave_to_this_machine_is_refused(walk: Walk) -> None:
    """A page whose address was made to lead here is one of another site, though browsers think that it is ours."""
    for host in (
        "evil.example",
        "evil.example:5050",
        "127.0.0.1.evil.example",
        "192.168.1.5",
        "localhost@evil",
        "[::2]",
    ):
        for route in pages.ROUTES:
            answer = await walk.ask(
                route.method, walk.address(route.path), headers={"Host": host, "Origin": f"http://{host}"}
            )
            assert answer.status == 403, (name(route), host)
    for host in ("localhost", "LOCALHOST:80", "127.0.0.2:5050", "[::1]:5050"):
        assert (await walk.ask("GET", "/login", headers={"Host": host})).status == 200, host


async def test_no_path_leads_elsewhere(walk: Walk) -> None:
    """Whatever stands in a path, the answer is that there is no such thing."""
    await walk.browser.log_in()
    csrf = {"X-CSRF-Token": walk.browser.csrf}
    for route in pages.ROUTES:
        for part in re.findall(r"\{\w+\}", route.path):
            for nasty in NASTY:
                path = walk.address(route.path.replace(part, nasty))
                answer = await walk.ask(route.method, path, headers={**csrf, **HTML})
                assert 400 <= answer.status < 500, (name(route), nasty, answer.status)
                assert "Set-Cookie" not in answer.headers
                text = await walk.text(answer)
                assert "root:" not in text
                assert answer.content_type != "text/html" or "<script>" not in text
    for path in ("/static/../settings.py", "/../../etc/passwd", "//etc/passwd", "/people/..%2fapi", "/%2e%2e/login"):
        assert (await walk.ask("GET", path)).status == 404, path


async def test_every_answer_makes_browsers_careful(walk: Walk) -> None:
    """Pages, pictures, refusals and what is not there; and nothing personal is kept by anybody on its way."""
    answers = [await walk.ask(route.method, walk.address(route.path), headers=HTML) for route in pages.ROUTES]
    await walk.browser.log_in()
    answers += [await walk.ask(route.method, walk.address(route.path), headers=HTML) for route in pages.ROUTES]
    answers += [
        await walk.ask(method, "/people", headers=HTML) for method in ("PUT", "DELETE", "OPTIONS", "HEAD", "TRACE")
    ]
    answers.append(await walk.ask("GET", "/nowhere", headers=HTML))
    answers.append(await walk.ask("POST", "/login", headers={"Expect": "a miracle"}))
    for answer in answers:
        there, where = answer.headers, (answer.method, answer.url.path, answer.status)
        kept = "public, max-age=31536000, immutable" if answer.url.path.endswith("style.css") else "no-store"
        assert there["Cache-Control"] == kept, where
        assert there["X-Content-Type-Options"] == "nosniff", where
        assert "default-src 'none'" in there["Content-Security-Policy"], where
        assert "unsafe" not in there["Content-Security-Policy"], where
        assert there["X-Frame-Options"] in {"DENY", "SAMEORIGIN"}, where
        assert there["Referrer-Policy"] == "same-origin", where
        assert "Server" not in there, where
        assert "Access-Control-Allow-Origin" not in there, where
    assert {answer.status for answer in answers} >= {200, 303, 400, 401, 403, 404, 405, 417}
