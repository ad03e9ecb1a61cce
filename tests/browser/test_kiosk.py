"""A kiosk in a real browser: whoever comes sees their own page, and nothing of it stays when they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from tests.browser.house import House
from tests.browser.window import Chromium, Window
from tests.peers.household import Household
from tests.support.films import bars

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = {"Grace": "The ship sails at nine.", "Eileen": "The countdown runs."}


async def choose(window: Window, name: str, folder: Path) -> None:
    """Somebody's own page: a message, and pictures beside it."""
    await window.follow("People")
    await window.page.get_by_role("link", name=name).click()
    await window.follow("Own page")
    await window.page.get_by_label("Side by side").check()
    await window.page.locator("#value-0").fill(PAGES[name])
    await window.page.get_by_role("button", name="Keep").click()
    await window.page.locator("#kind-1").select_option("pictures")
    await window.page.locator("#value-1").fill(str(folder))
    await window.page.get_by_role("button", name="Keep").click()
    await window.sees("It is kept.")


async def token(window: Window) -> str:
    """Of a kiosk, made on the page."""
    await window.follow("Settings")
    await window.page.get_by_label("What it is for").fill("The hall's screen")
    await window.page.get_by_label("May").select_option("kiosk")
    await window.press("Make a token")
    await window.look("settings-token")
    word: str = await window.page.locator(".notice code").inner_text()
    return word


async def personal(kiosk: Window, name: str) -> None:
    """The page of this person is there, and the neutral one is not."""
    await kiosk.page.frame_locator("#stage iframe").get_by_text(PAGES[name]).wait_for()
    await kiosk.page.locator("#neutral").wait_for(state="hidden")


async def neutral(kiosk: Window) -> None:
    """Nobody's page is there, nor anything of one."""
    await kiosk.page.locator("#neutral").wait_for()
    await kiosk.page.locator("#stage iframe").wait_for(state="detached")
    seen = [await frame.content() for frame in kiosk.page.frames]
    assert not [word for word in (*PAGES, *PAGES.values()) if word in "".join(seen)]


async def hidden_from_others(house: House, window: Window, kiosk: Window) -> None:
    """Grace's page goes when Eileen steps up to her, stays away while both are there, and comes again without her."""
    await window.follow("Live")
    house.hall.seen = "Grace"
    await personal(kiosk, "Grace")
    house.hall.beside = "Eileen"
    await neutral(kiosk)
    for name in PAGES:
        await window.page.locator(".box.known", has_text=name).wait_for()
    await neutral(kiosk)
    await window.look("live-two")
    house.hall.beside = None
    await personal(kiosk, "Grace")


async def test_a_kiosk_shows_the_page_of_who_stands_there(
    tmp_path: Path, household: Household, chromium: Chromium
) -> None:
    """Grace's own page comes, Eileen's after it, the neutral one in between and when both stand there."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(bars(1, (640, 480))).save(folder / "one.jpg")
    web = {"kiosk": {"leave_after": 1}, "pictures": [str(folder)]}
    house = House(tmp_path, household, "Grace", "Eileen", web=web)
    house.hall.wide = True
    async with (
        house,
        chromium.window(house.origin) as window,
        chromium.window(house.origin) as kiosk,
    ):
        await window.log_in(house.password)
        for name in PAGES:
            await choose(window, name, folder)
        await window.look("own-page")
        await kiosk.open(f"/me/hall?token={await token(window)}")
        assert kiosk.page.url == f"{house.origin}/me/hall"
        await neutral(kiosk)
        await kiosk.look("kiosk-neutral")

        for name in PAGES:
            house.hall.seen = name
            await personal(kiosk, name)
            await kiosk.look(f"kiosk-{name.lower()}")
            house.hall.seen = None
            await neutral(kiosk)
        await hidden_from_others(house, window, kiosk)
        await kiosk.open("/people")
        await kiosk.sees("this needs the scope read, and yours is kiosk")
        await kiosk.look("kiosk-refused")


async def test_one_of_several_kiosks_is_chosen(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """With more than one camera it is asked at which this screen stands."""
    seen = tmp_path / "seen"
    seen.mkdir()
    Image.fromarray(bars(1, (640, 480))).save(seen / "one.jpg")
    house = House(tmp_path / "house", household, "Grace", web={"kiosks": {"door": {"privacy": "known"}}})
    house.cameras["door"] = {"kind": "folder", "path": str(seen)}
    async with house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        await window.open("/me")
        await window.look("kiosks")
        await window.page.get_by_role("link", name="door").click()
        await window.page.wait_for_url("**/me/door")
        await neutral(window)


FEED = """<rss version="2.0"><channel><title>The harbor</title>
<item><title>A ship came in</title><description>With tea.</description></item></channel></rss>"""


ELSEWHERE = {
    "/page": ("<!doctype html><html lang=en><title>Tides</title><main><h1>Tides</h1>High at six</main>", "text/html"),
    "/feed": (FEED, "application/rss+xml"),
    "/list.m3u8": ("nothing.mp4\n", "application/vnd.apple.mpegurl"),
}


async def _elsewhere(request: web.Request) -> web.Response:
    """What is on another server of the house."""
    text, kind = ELSEWHERE.get(request.path, ("", "text/plain"))
    return web.Response(text=text, content_type=kind, status=200 if text else 404)


async def test_a_page_of_everything(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """A web page, news, a video that cannot be played, and a picture behind them, as somebody chose them."""
    Image.fromarray(bars(1, (640, 480))).save(tmp_path / "one.jpg")
    app = web.Application()
    app.router.add_get("/{path}", _elsewhere)
    rules = {"fetch": {"allow": ["127.0.0.1"]}, "pictures": [str(tmp_path)]}
    async with (
        TestServer(app, host="127.0.0.1") as server,
        House(tmp_path / "house", household, "Grace", web=rules) as house,
        chromium.window(house.origin) as window,
    ):
        here = str(server.make_url("/")).rstrip("/")
        await window.log_in(house.password)
        await window.follow("People")
        await window.page.get_by_role("link", name="Grace").click()
        await window.follow("Own page")
        parts = (("web", f"{here}/page"), ("feed", f"{here}/feed"), ("video", f"{here}/list.m3u8"))
        for number, (kind, value) in enumerate((*parts, ("pictures", str(tmp_path)))):
            await window.page.locator(f"#kind-{number}").select_option(kind)
            await window.page.locator(f"#value-{number}").fill(value)
            await window.page.get_by_role("button", name="Keep").click()
            await window.sees("It is kept.")
        await window.page.get_by_label("A full picture").check()
        await window.page.get_by_role("button", name="Keep").click()
        await window.look("own-page-full")
        house.hall.seen = "Grace"
        await window.open("/me")
        mine = window.page.frame_locator("#stage iframe")
        await mine.get_by_text("A ship came in").wait_for()
        await mine.frame_locator("iframe").first.get_by_text("High at six").wait_for()
        await window.look("kiosk-full")
        window.complaints.clear()  # that there is no such video
