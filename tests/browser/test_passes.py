"""The log-in by face in a real browser: a page that is trusted is told who stands there, another one is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from config.kiosk.example_app import App
from tests.browser.house import House
from tests.browser.window import Chromium
from tests.peers.household import Household
from tests.support.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_a_trusted_page_greets_by_name_and_opens_no_door(
    tmp_path: Path, household: Household, chromium: Chromium
) -> None:
    """The example, framed twice: by its own address, and by one that was not trusted."""
    port = free_port()
    async with House(tmp_path, household, "Grace") as house, chromium.window(house.origin) as kiosk:
        app = App(house.origin, f"http://127.0.0.1:{port}", "usense/test")
        async with TestServer(app.made(), host="127.0.0.1", port=port):
            await kiosk.log_in(house.password)
            await kiosk.follow("People")
            await kiosk.page.get_by_role("link", name="Grace").click()
            await kiosk.follow("Own page")
            for number, host in enumerate(["127.0.0.1", "localhost"]):
                await kiosk.page.locator(f"#kind-{number}").select_option("web")
                await kiosk.page.locator(f"#value-{number}").fill(f"http://{host}:{port}/")
            await kiosk.page.get_by_label("Tell this web page who stands there").first.check()
            await kiosk.press("Keep")
            await kiosk.sees("It is kept.")

            await kiosk.open("/me/hall")
            house.hall.seen = "Grace"
            frame = kiosk.page.frame_locator("#stage iframe")
            trusted, other = (frame.frame_locator(".web iframe").nth(number) for number in range(2))
            await trusted.get_by_text("Hello, Grace").wait_for()
            await trusted.get_by_role("button", name="Open the door").click()
            await trusted.get_by_text("No, Grace: a face is not enough for this").wait_for()
            assert await other.locator("h1").inner_text() == "Hello, whoever you are"
            house.hall.seen = None
            await kiosk.page.locator("#stage iframe").wait_for(state="detached")
