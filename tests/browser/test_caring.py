"""Insight and settings in a real browser, with the real service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.house import House
from tests.browser.window import Chromium
from tests.peers.household import Household

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_who_cares_for_it_sees_how_it_is(tmp_path: Path, household: Household, chromium: Chromium) -> None:
    """Health, numbers and what happened, and settings that count at once."""
    async with House(tmp_path, household, "Grace") as house, chromium.window(house.origin) as window:
        await window.log_in(house.password)
        house.hall.seen = "Grace"
        await window.row("Grace").wait_for()
        house.hall.drop_clients()
        await house.hall.close()
        await window.sees("The camera")
        await window.look("live-lost")
        await window.press("Pause")
        await window.sees("This camera is paused.")
        await window.look("live-paused")
        await house.hall.listen(house.hall.port)
        await window.press("Look again")
        await window.page.locator(".box.known", has_text="Grace").wait_for()
        await window.follow("Insight")
        await window.sees("All is well.")
        await window.look("insight")
        await window.follow("Settings")
        await window.look("settings")
        for summary in await window.page.locator("summary").all():
            await summary.click()
        await window.look("settings-all")
        await window.page.get_by_label("Likeness that names somebody").fill("0.99")
        await window.press("Change")
        await window.sees("Changed: Likeness that names somebody.")
        await window.follow("Live")
        await house.visited_by("Grace")
        await window.row("Somebody unknown").wait_for()
