"""Insight, the report of a bug and settings in a real browser, of a house in which much has happened."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.window import Chromium, Window
from tests.support.examples import example_house
from tests.support.mqtt import sighting
from tests.support.site import PASSWORD, Site
from uSense.core.events import Notice, State
from uSense.core.given import Given

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PROBLEMS = {"camera door": "no answer: connection refused", "protection": "the machine is 81 °C hot"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A day of numbers with a gap, two problems, and something of each kind that happened."""
    async with example_house(tmp_path / "house") as control, Site(tmp_path, control) as site:
        now = time.time()
        for step in (*range(1000), *range(1200, 2880)):
            wave = math.sin(step / 400)
            numbers = {"fps hall": 4 + wave, "frames_skipped hall": 3 - wave, "frames_dropped hall": 0.1}
            stages = {"stage detect p50": 70 + 10 * wave, "stage detect p95": 120 + 30 * wave}
            site.chronicle.vitals.add(now - 86_400 + 30 * step, {**numbers, **stages, "memory": 180.0})
        site.report = {"state": "degraded", "problems": PROBLEMS, "uptime_s": 200_000, "fps": {"hall": 4.4}}
        (anna, _) = await control.people()
        site.chronicle.hear(sighting(1, "Anna", person_id=anna.person_id))
        site.chronicle.hear(Notice("camera.lost", {"camera": "door", "reason": "connection refused"}))
        site.chronicle.hear(Notice("train.finished", {"state": "failed"}))
        site.given = [
            Given(("instance",), "home", "Name of this uSense.", "environment", "USENSE_INSTANCE"),
            Given(("mqtt", "host"), "10.0.0.5", "Where the broker is.", "file", "/etc/usense/usense.yaml, line 3"),
            Given(("mqtt", "port"), "1883", "Its port.", "default"),
        ]
        yield site


@pytest.fixture
async def window(site: Site, chromium: Chromium) -> AsyncIterator[Window]:
    """Somebody who is logged in."""
    async with chromium.window(site.server.origin) as window:
        await window.log_in(PASSWORD)
        yield window


async def test_insight_stays_fresh_where_nobody_reads(site: Site, window: Window) -> None:
    """What is new appears by itself; focus and what was opened stay."""
    await window.open("/insight")
    await window.sees("2 things are wrong:")
    for summary in await window.page.locator("summary").all():
        await summary.click()
    await window.look("insight-trouble")

    await window.page.get_by_label("Where").focus()
    site.report = {**site.report, "state": "ok", "problems": {}}
    site.chronicle.hear(Notice("camera.back", {"camera": "door"}))
    site.hub.hear(State("health", site.report))

    await window.sees("All is well.")
    await window.page.locator(".happening", has_text="camera is back").wait_for()
    assert await window.page.evaluate("document.activeElement.id") == "camera"
    assert await window.page.locator("details:not([open])").count() == 0


async def test_a_report_is_downloaded(site: Site, window: Window) -> None:
    """After one was told what is in it."""
    await window.open("/insight")
    await window.follow("Make a report of a bug")
    await window.sees("What is not in it")
    await window.look("report")
    async with window.page.expect_download() as downloading:
        await window.press("Download")
    assert (await downloading.value).suggested_filename.endswith(".zip")


async def test_settings_are_changed_by_keyboard(site: Site, window: Window) -> None:
    """Enter changes what was typed, also where a button goes back to the settings file; a token can be copied."""
    runtime = site.control.runtime
    assert runtime is not None
    await window.open("/settings")
    for value in ("0.62", "0.63"):
        await window.page.get_by_label("Likeness that names somebody").fill(value)
        await window.page.keyboard.press("Enter")
        await window.sees("Changed: Likeness that names somebody.")
        assert runtime.values["threshold"] == float(value)
    for summary in await window.page.locator("summary").all():
        await summary.click()
    await window.look("settings-changed")
    await window.press("Back to 1, as the settings say (Likeness that names somebody)")
    await window.sees("Changed: Likeness that names somebody.")
    assert runtime.values["threshold"] == 1.0
    await window.page.get_by_label("What it is for").fill("my script")
    await window.press("Make a token")
    await window.sees("It is not kept here and cannot be shown again.")
    await window.look("settings-token-made")
    await window.press("Take back my script")
    await window.sees("The token counts no more.")
