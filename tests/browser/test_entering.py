"""In and out, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.window import Chromium
from tests.support.examples import example_house, shown
from tests.support.site import PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


async def test_somebody_logs_in_and_out(tmp_path: Path, chromium: Chromium) -> None:
    """Who has no password gets no further; who has it is led where they wanted to go, and is out when they say so."""
    async with (
        example_house(tmp_path / "house") as control,
        Site(tmp_path, control) as site,
        chromium.window(site.server.origin) as window,
    ):
        await window.open("/people")
        await window.look("login")
        await window.page.get_by_label("Password").fill("wrong")
        await window.press("Log in")
        await window.page.get_by_role("alert").wait_for()
        await window.look("login-refused")
        await window.page.get_by_label("Password").fill(PASSWORD)
        await window.page.keyboard.press("Enter")
        await window.page.get_by_role("heading", name="People").wait_for()
        assert window.page.url == f"{site.server.origin}/people"
        await window.open("/people/nobody")
        await window.look("refused")
        await window.press("Log out")
        await window.page.wait_for_url("**/login")
        await window.open("/visitors")
        assert "/login" in window.page.url


async def test_without_a_password_the_page_says_how_to_set_one(tmp_path: Path, chromium: Chromium) -> None:
    """There is no form that nobody could fill in."""
    async with Site(tmp_path, password="") as site, chromium.window(site.server.origin) as window:
        await window.open("/")
        await window.sees("usense passwd")
        assert await window.page.get_by_label("Password").count() == 0
        await window.look("no-password")


async def test_everything_works_by_keyboard(tmp_path: Path, chromium: Chromium) -> None:
    """The first key leads past the menu; who is chosen by keys alone is shown, and what has the focus is seen."""
    async with (
        example_house(tmp_path / "house") as control,
        Site(tmp_path, control) as site,
        chromium.window(site.server.origin) as window,
    ):
        await window.log_in(PASSWORD)
        await window.open("/people")
        keys = window.page.keyboard
        await keys.press("Tab")
        assert await window.focus() == "Skip to the content"
        await window.look("skip")
        await keys.press("Enter")
        await keys.press("Tab")
        assert await window.focus() == "Add somebody"
        assert await window.page.evaluate("() => getComputedStyle(document.activeElement).outlineWidth") == "3px"
        await keys.press("Tab")
        assert "Anna" in await window.focus()
        await keys.press("Enter")
        await window.page.get_by_role("heading", name="Anna", level=1).wait_for()


async def test_without_scripts_photos_are_taken_all_the_same(tmp_path: Path, chromium: Chromium) -> None:
    """A browser that runs no script logs in, sees a still picture, and adds somebody with a verdict."""
    async with (
        example_house(tmp_path / "house") as control,
        Site(tmp_path, control) as site,
        chromium.window(site.server.origin, java_script_enabled=False) as window,
    ):
        photo = tmp_path / "photo.jpg"
        photo.write_bytes(shown())
        await window.log_in(PASSWORD)
        await window.page.locator(".picture img").wait_for()
        await window.follow("People")
        await window.follow("Add somebody")
        await window.page.get_by_label("Name").fill("Cleo")
        await window.page.get_by_label("Photos", exact=True).set_input_files(photo)
        await window.press("Add the photos")
        await window.page.locator(".verdicts li", has_text="photo.jpg").wait_for()
