"""A camera's kiosk: who is let in, what it hears, and what it shows of whom."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestServer
from PIL import Image

from tests.support.site import PASSWORD, Browser, Site
from tests.support.standing import Standing
from tests.support.waiting import until
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.models import PersonRef
from uSense.core.mypage import Block, Kind, Layout, Page
from uSense.web import fetching, kiosks
from uSense.web.pages import me

FEED = "<rss version='2.0'><channel><title>T</title><item><title>&lt;b&gt;News&lt;/b&gt;</title></item></channel></rss>"


@pytest.fixture
async def anna(control: Control) -> PersonRef:
    """She stands there in most tests."""
    return PersonRef((await control.find("Anna")).person_id, "Anna")


@pytest.fixture
def hall() -> Standing:
    """Who stands at the camera."""
    return Standing()


@asynccontextmanager
async def admitted(site: Site) -> AsyncIterator[Browser]:
    """A browser that a kiosk's token let in."""
    async with site.browser() as browser:
        _, word = await site.access.tokens.make("kiosk", Scope.KIOSK)
        assert (await browser.get(f"/me/hall?token={word}")).status == 303
        yield browser


@pytest.fixture
async def site(control: Control, hall: Standing, tmp_path: Path) -> AsyncIterator[Site]:
    """The pages; pictures may lie in one folder."""
    (tmp_path / "pictures").mkdir()
    site = Site(tmp_path, control, password="", pictures=[tmp_path / "pictures"], fetch={"allow": ["127.0.0.1"]})
    site.scenes["hall"] = hall.scene
    async with site:
        yield site


@pytest.fixture
async def kiosk(site: Site) -> AsyncIterator[Browser]:
    """A browser that a kiosk's token let in."""
    async with admitted(site) as browser:
        yield browser


@asynccontextmanager
async def hearing(kiosk: Browser) -> AsyncIterator[ClientResponse]:
    """What the kiosk is told."""
    async with kiosk.session.get(f"{kiosk.origin}/me/hall/events") as response:
        assert response.status == 200
        yield response


async def test_who_was_there_before_the_camera_was_lost_is_not_there_when_it_is_back(
    site: Site, kiosk: Browser, hall: Standing, anna: PersonRef
) -> None:
    """Not even for the moment until the first new picture is looked at."""
    hall.stand(anna)
    before = await kiosk.get("/me/hall/mine")

    site.since = hall.now + 0.001
    back = await kiosk.get("/me/hall/mine")
    hall.now = site.since
    hall.stand(anna)

    assert (before.status, back.status) == (200, 409)
    assert (await kiosk.get("/me/hall/mine")).status == 200


async def told(response: ClientResponse) -> dict[str, Any]:
    """The next thing."""
    async with asyncio.timeout(20):
        assert await response.content.readline() == b"event: who\n"
        line = await response.content.readline()
        assert await response.content.readline() == b"\n"
    news: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return news


async def test_a_token_in_the_address_becomes_a_cookie(site: Site) -> None:
    """It leads to the address without it, and lets in to nothing but this page."""
    async with site.browser() as browser:
        _, word = await site.access.tokens.make("kiosk", Scope.KIOSK)
        led = await browser.get(f"/me/hall?token={word}")
        assert (led.status, led.headers["Location"]) == (303, "/me/hall")
        cookie = led.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert word not in cookie

        page = await browser.get("/me/hall")
        assert page.status == 200
        # A year from each start.
        assert page.headers["Set-Cookie"].split(";")[0] == cookie.split(";")[0]
        assert page.headers["Cache-Control"] == "no-store"
        assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        for path in ("/", "/people", "/visitors", "/live/hall/still.jpg", "/api/v1/states", "/api/v1/events"):
            assert (await browser.get(path)).status == 403


async def test_nobody_else_comes_in(site: Site, kiosk: Browser) -> None:
    """Not without a log-in, with a wrong token, or with one that was taken back; and there is no other camera."""
    async with site.browser() as stranger:
        led = await stranger.get("/me/hall")
        assert (led.status, led.headers["Location"]) == (303, "/login?to=%2Fme%2Fhall")
        for path in ("/events", "/mine", "/mine/0/feed", "/mine/0/video", "/mine/0/pictures/0.jpg"):
            assert (await stranger.send("GET", f"/me/hall{path}")).status == 401
        wrong = await stranger.get("/me/hall?token=usense_wrong")
        assert wrong.status == 401
        assert "was taken back" in wrong.text
        assert "hall" not in (await stranger.send("GET", "/me/attic")).text
    assert (await kiosk.get("/me/attic")).status == 404
    assert (await kiosk.get("/me/attic/events")).status == 404

    [token] = await site.access.tokens.all()
    await site.access.tokens.take_back(token.token_id)
    assert (await kiosk.send("GET", "/me/hall/mine")).status == 401


async def test_who_is_logged_in_may_look_too(tmp_path: Path) -> None:
    """The only kiosk at once, or one of a list."""
    site = Site(tmp_path)
    async with site, site.browser(logged_in=True) as browser:
        led = await browser.get("/me")
        assert (led.status, led.headers["Location"]) == (303, "/me/hall")
        page = await browser.get("/me/hall")
        assert page.status == 200
        assert "Set-Cookie" not in page.headers
    site = Site(tmp_path, password="")
    site.scenes["door"] = site.scenes["hall"]
    async with site, admitted(site) as browser:
        listed = (await browser.get("/me")).text
        assert 'href="/me/hall"' in listed
        assert 'href="/me/door"' in listed


async def test_the_kiosk_hears_who_comes_and_goes(
    site: Site, kiosk: Browser, hall: Standing, anna: PersonRef, control: Control
) -> None:
    """Neutral, Anna's, neutral with somebody beside her, Bea's: never a name, only that it is another page."""
    bea = PersonRef((await control.find("Bea")).person_id, "Bea")
    async with hearing(kiosk) as response:
        first = await told(response)
        assert first == {"personal": False, "turn": 0, "version": site.server.house.renderer.mark}
        moments: list[list[PersonRef | None]] = [[anna], [anna, None], [bea], []]
        for turn, people in enumerate(moments, 1):
            hall.leave()
            hall.stand(*people)
            # Nobody there for long, or nobody who could be seen.
            site.problem = "" if people else "lost"
            news = first
            while news["turn"] != turn:
                news = await told(response)
            assert news["personal"] is (len(people) == 1)
    await until(lambda: site.server.house.kiosks.watchers == 0)


async def test_a_kiosk_is_told_again_and_again(kiosk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hears nothing shows nothing, so there is always something to hear."""
    monkeypatch.setattr(me, "BEAT", 0.0)
    monkeypatch.setattr(me, "LOOK", 0.001)
    async with hearing(kiosk) as response:
        for _ in range(3):
            assert (await told(response))["turn"] == 0


async def test_a_kiosk_stays_in_until_its_token_is_taken_back(
    site: Site, kiosk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is not told any more."""
    monkeypatch.setattr(me, "STILL_IN", 0.0)
    monkeypatch.setattr(me, "BEAT", 0.0)
    async with hearing(kiosk) as response:
        for _ in range(3):
            await told(response)
        [token] = await site.access.tokens.all()
        await site.access.tokens.take_back(token.token_id)
        async with asyncio.timeout(20):
            while await response.content.readline():
                pass
    assert (await kiosk.send("GET", "/me/hall/events")).status == 401
    screen = await kiosk.get("/me/hall")
    assert screen.status == 401
    assert "screen was taken back" in screen.text
    assert 'href="/login?to=/me/hall"' in screen.text


async def test_whoever_cares_for_a_kiosk_logs_in_and_out_beside_it(site: Site, kiosk: Browser) -> None:
    """On its own screen, and the kiosk stays what it was."""
    await site.access.passwords.set(PASSWORD)
    for _ in range(2):
        assert (await kiosk.log_in()).status == 303
        assert (await kiosk.get("/people")).status == 200
    assert (await kiosk.post("/logout")).status == 303

    assert (await kiosk.get("/me/hall")).status == 200
    assert (await kiosk.get("/people")).status == 403


async def test_kiosks_are_numbered(site: Site, kiosk: Browser) -> None:
    """One too many is told so."""
    site.server.house.kiosks.watchers = kiosks.MOST
    assert (await kiosk.send("GET", "/me/hall/events")).status == 429


async def test_the_page_of_who_stands_there(site: Site, kiosk: Browser, hall: Standing, anna: PersonRef) -> None:
    """In a frame of the kiosk's only; it may frame what is on it, and nothing else."""
    blocks = (
        Block(Kind.MESSAGE, "Dinner is <b>ready</b>"),
        Block(Kind.WEB, "https://calendar.lan:8443/anna?week=1", "Calendar", trusted=True),
        Block(Kind.WEB, "http://weather.lan/"),
    )
    await site.server.house.mine.keep(anna.person_id, Page(Layout.COLUMNS, blocks))
    hall.stand(anna)

    page = await kiosk.get("/me/hall/mine")
    assert page.status == 200
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith("; frame-src 'self' https://calendar.lan:8443 http://weather.lan")
    assert "frame-ancestors 'self'" in policy
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert page.headers["Cache-Control"] == "no-store"
    assert "Hello, Anna" in page.text
    assert "Dinner is &lt;b&gt;ready&lt;/b&gt;" in page.text
    assert page.text.count("data-trusted=") == page.text.count('data-trusted="https://calendar.lan:8443"') == 1
    assert 'class="mine columns"' in page.text


async def test_an_empty_page_says_where_it_is_chosen(kiosk: Browser, hall: Standing, anna: PersonRef) -> None:
    """It greets at least."""
    hall.stand(anna)
    assert "nothing on your page" in (await kiosk.get("/me/hall/mine")).text


@pytest.mark.parametrize("case", ["nobody", "unknown", "both", "blind"])
async def test_nothing_is_told_of_who_is_not_there_alone(
    site: Site, kiosk: Browser, hall: Standing, anna: PersonRef, case: str
) -> None:
    """Neither the page nor any part of it, whoever asks."""
    cases: dict[str, list[PersonRef | None]] = {"unknown": [None], "both": [anna, None], "blind": [anna]}
    hall.stand(*cases.get(case, []))
    site.problem = "lost" if case == "blind" else ""
    for path in ("mine", "mine/0/feed", "mine/0/video", "mine/0/pictures/0.jpg"):
        answer = await kiosk.send("GET", f"/me/hall/{path}")
        assert answer.status == 409
        assert "Anna" not in answer.text


async def test_a_kiosk_may_have_its_own_rules(
    control: Control, hall: Standing, anna: PersonRef, tmp_path: Path
) -> None:
    """Before whom the page is hidden is a setting."""
    site = Site(tmp_path, control, password="", kiosk={"privacy": "first"})
    site.scenes["hall"] = hall.scene
    async with site, admitted(site) as browser:
        hall.stand(anna, None)
        assert "Anna" in (await browser.get("/me/hall/mine")).text


async def test_what_is_fetched_is_shown(
    site: Site, kiosk: Browser, hall: Standing, anna: PersonRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """News as words, videos with a policy for where they are; what is wrong is said in their place."""
    monkeypatch.setattr(fetching, "FRESH", -1.0)

    async def answer(request: web.Request) -> web.Response:
        texts = {
            "/feed": FEED,
            "/empty": "# none",
            "/list": "#EXTM3U\nhttps://films.example/1.mp4\n2.mp4\nfile:///etc/passwd\n",
        }
        return web.Response(text=texts.get(request.path, "-"), status=200 if request.path in texts else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        here = str(server.make_url("/")).rstrip("/")
        kinds = [(Kind.FEED, "/feed"), (Kind.FEED, "/gone"), (Kind.VIDEO, "/list"), (Kind.VIDEO, "/gone")]
        kinds += [(Kind.VIDEO, "/film.mp4"), (Kind.VIDEO, "/empty")]
        blocks = tuple(Block(kind, here + path) for kind, path in kinds)
        await site.server.house.mine.keep(anna.person_id, Page(Layout.LIST, blocks))
        hall.stand(anna)

        fresh = await kiosk.get("/me/hall/mine/0/feed")
        assert "<strong>News</strong>" in fresh.text
        assert "From earlier" not in fresh.text
        assert "404 Not Found" in (await kiosk.get("/me/hall/mine/1/feed")).text
        player = await kiosk.get("/me/hall/mine/2/video")
        assert f"media-src https://films.example {here} 'self'" in player.headers["Content-Security-Policy"]
        assert f"[&#34;https://films.example/1.mp4&#34;, &#34;{here}/2.mp4&#34;]" in player.text
        assert "404 Not Found" in (await kiosk.get("/me/hall/mine/3/video")).text
        assert f"[&#34;{here}/film.mp4&#34;]" in (await kiosk.get("/me/hall/mine/4/video")).text
        assert "no video in this list" in (await kiosk.get("/me/hall/mine/5/video")).text
        for path in ("0/video", "6/feed", "-1/feed", "x/feed", "²/feed", "0/pictures/0.jpg"):
            assert (await kiosk.get(f"/me/hall/mine/{path}")).status == 404
        await server.close()
        old = await kiosk.get("/me/hall/mine/0/feed")
        assert "<strong>News</strong>" in old.text
        assert "From earlier" in old.text


async def test_pictures_of_a_folder(
    site: Site, kiosk: Browser, hall: Standing, anna: PersonRef, tmp_path: Path
) -> None:
    """In the order of their names, no larger than a screen; links that lead out of the folder are not followed."""
    folder = tmp_path / "pictures" / "summer"
    folder.mkdir()
    for name, width in {"b.jpg": 4000, "a.png": 40}.items():
        Image.new("RGB", (width, 20)).save(folder / name)
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.jpg")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "notes.txt").write_text("-")
    await site.server.house.mine.keep(anna.person_id, Page(Layout.PICTURE, (Block(Kind.PICTURES, str(folder)),)))
    hall.stand(anna)

    assert 'data-count="2"' in (await kiosk.get("/me/hall/mine")).text
    for number, size in enumerate([(40, 20), (1920, 10)]):
        async with kiosk.session.get(f"{kiosk.origin}/me/hall/mine/0/pictures/{number}.jpg") as response:
            assert response.headers["Cache-Control"] == "no-store"
            assert Image.open(io.BytesIO(await response.read())).size == size
    for path in ("2.jpg", "..%2f..%2fsecret.jpg", "0.png"):
        assert (await kiosk.get(f"/me/hall/mine/0/pictures/{path}")).status == 404
    folder.rename(tmp_path / "moved")
    assert "no picture in this folder" in (await kiosk.get("/me/hall/mine")).text
    assert (await kiosk.get("/me/hall/mine/0/pictures/0.jpg")).status == 400
