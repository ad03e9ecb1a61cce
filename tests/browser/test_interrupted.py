"""Pages that nobody looks at for a while, and what fails half-way, in a real browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.window import Chromium, Window
from tests.support.examples import example_house
from tests.support.site import PASSWORD, Site
from uSense.control import Control
from uSense.core.events import Notice

if TYPE_CHECKING:
    from playwright.async_api import Route

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

_PHONE = """
let looked_at = true;
Object.defineProperty(document, "hidden", { get: () => !looked_at });
window.looks = (now) => { looked_at = now; document.dispatchEvent(new Event("visibilitychange")); };
window.sources = [];
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(address) { super(address); window.sources.push(this); }
};
"""
"""A phone that is locked when the test says so."""
_SOCKETS = """
window.sockets = [];
window.WebSocket = class {
  constructor() { this.open = true; window.sockets.push(this); }
  close() { this.open = false; }
};
"""
"""Sockets whose end is told when the test says so."""


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """Anna and Bea are enrolled."""
    async with example_house(tmp_path / "house") as house:
        yield house


@pytest.fixture
async def site(control: Control, tmp_path: Path) -> AsyncIterator[Site]:
    """Their pages."""
    async with Site(tmp_path, control) as site:
        yield site


@pytest.fixture
async def window(site: Site, chromium: Chromium) -> AsyncIterator[Window]:
    """The phone of somebody who is logged in."""
    async with chromium.window(site.server.origin) as window:
        await window.page.add_init_script(_PHONE)
        await window.log_in(PASSWORD)
        yield window


async def looks(window: Window, *, now: bool) -> None:
    """Unlock the phone, or lock it."""
    await window.page.evaluate("(now) => window.looks(now)", now)


async def test_a_page_that_is_shown_again_has_one_live_view(window: Window) -> None:
    """The end of the old one, which comes late, is not that of the new one; when the page is hidden, none is left."""
    await window.page.add_init_script(_SOCKETS)
    await window.open("/")
    await window.page.wait_for_function("window.sockets.length === 1")
    await looks(window, now=False)
    await looks(window, now=True)
    await window.page.evaluate("() => window.sockets[0].onclose({ code: 1006 })")
    assert await window.page.locator(".problem").is_hidden()
    await looks(window, now=False)

    assert await window.page.evaluate("() => window.sockets.map((one) => one.open)") == [False, False]


async def test_shots_that_were_kept_count_although_a_later_one_fails(window: Window) -> None:
    """The page says both, and leads to the person."""
    shots: list[Route] = []
    trained: list[Route] = []

    async def shot(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        shots.append(route)
        kept: Any = {"person_id": "p1", "verdicts": [{"kept": True, "verdict": "kept", "text": ""}]}
        busy: Any = {"status": "error", "error": {"code": "busy", "message": "others are sending photos"}}
        status, told = (429, busy) if len(shots) == 3 else (200, kept)
        await route.fulfill(status=status, content_type="application/json", body=json.dumps(told))

    async def train(route: Route) -> None:
        trained.append(route)
        await route.fulfill(content_type="application/json", body='{"status": "ok", "data": {}}')

    await window.page.route("**/people/**/add", shot)
    await window.page.route("**/people/add", shot)
    await window.page.route("**/api/v1/commands/train", train)
    await window.open("/people/add")
    await window.page.get_by_label("Name").fill("Cleo")
    own = window.page.locator("#own-camera")
    await own.get_by_role("button", name="Start").click()

    await own.get_by_text("others are sending photos. 2 of 6. They count from now on.").wait_for()
    assert (len(shots), len(trained)) == (3, 1)
    assert await own.get_by_role("link").get_attribute("href") == "/people/p1"
    window.complaints.clear()  # of the 429


async def test_a_guided_enrollment_goes_on_while_the_phone_is_locked(
    window: Window, site: Site, control: Control
) -> None:
    """A page that is loaded anew shows it, hears on while it is hidden, and asks for what it missed all the same."""
    begun = await control.guide.start("Cleo", "hall")
    which = {"enrollment_id": begun.enrollment_id, "camera": "hall", "step": 1, "steps": 4}
    site.hub.hear(Notice("enroll.prompt", {**which, "text": "Look straight."}))
    await window.open("/people/add")
    guided = window.page.locator("#guided-camera")
    await guided.get_by_text("Look straight.").wait_for()
    assert await window.page.get_by_label("Name").input_value() == "Cleo"
    assert await guided.get_by_role("button", name="Stop").is_visible()

    await looks(window, now=False)
    site.hub.hear(Notice("enroll.prompt", {**which, "text": "Look left."}))
    await guided.get_by_text("Look left.").wait_for()

    await window.page.evaluate("() => window.sources.forEach((one) => one.close())")
    control.guide._current = None
    ended = {"state": "succeeded", "text": "Cleo is enrolled.", "person_id": "p1", "name": "Cleo"}
    site.hub.hear(Notice("enroll.finished", {**which, **ended}))
    await looks(window, now=True)

    await guided.get_by_text("Cleo is enrolled.").wait_for()
    assert await guided.get_by_role("button", name="Start").is_visible()
    assert await guided.get_by_role("button", name="Stop").is_hidden()


async def test_a_guided_enrollment_that_nobody_knows_of_is_over(window: Window, site: Site, control: Control) -> None:
    """As after a restart of the service: the page does not wait for it."""
    await window.open("/people/add")
    guided = window.page.locator("#guided-camera")
    await window.page.get_by_label("Name").fill("Cleo")
    await guided.get_by_role("button", name="Start").click()
    await guided.get_by_role("button", name="Stop").wait_for()

    await window.page.evaluate("() => window.sources.forEach((one) => one.close())")
    control.guide._current = None
    await looks(window, now=False)
    await looks(window, now=True)

    await guided.get_by_text("It is not running any more.").wait_for()
    assert await guided.get_by_role("button", name="Stop").is_hidden()
