"""In and out, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.window import Chromium
from tests.support.examples import example_house
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
