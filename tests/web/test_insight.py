"""The page that says how the service is, and what happened."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.events import Notice, SightingType, State

REPORT: dict[str, Any] = {
    "state": "ok",
    "problems": {},
    "uptime_s": 93_600,
    "fps": {"hall": 7.5},
    "frames_skipped": {"hall": 30},
    "frames_dropped": {"hall": 1},
    "stages": {"detect": {"p50_ms": 80.0, "p95_ms": 120.0}},
    "quota": {"left_month": 7},
    "memory_mb": 120.5,
    "cpu_s": 9.5,
    "temperature_c": 51.0,
}


@pytest.fixture
async def site(control: Control, tmp_path: Path) -> AsyncIterator[Site]:
    """A house in which something happened."""
    async with Site(tmp_path, control) as site:
        site.report = REPORT
        anna, bea = await control.people()
        for event in (
            State("health", REPORT),
            sighting(1, "Anna", person_id=anna.person_id, camera="hall"),
            sighting(2, "Bea", person_id=bea.person_id, camera="door"),
            sighting(3, None, camera="door"),
            Notice("camera.lost", {"camera": "door", "reason": "<no route>"}),
            Notice("train.finished", {"state": "succeeded", "persons": 2, "faces": 9}),
        ):
            site.chronicle.hear(event)
        yield site


def kinds(text: str) -> list[str]:
    """What is said to have happened, newest first."""
    return re.findall(r'class="badge [a-z]*">([^<]+)</span> <span>', text)


async def test_it_says_that_all_is_well(browser: Browser) -> None:
    """In words first, then in numbers and charts."""
    page = (await browser.get("/insight")).text

    assert "All is well." in page
    assert "1 d 2 h" in page
    assert "7.5 pictures a second" in page
    assert "7 requests left this month" in page
    assert re.findall(r"<h3 class=\"between row\">([^<]+) <", page) == [
        "Camera hall",
        "Faces found within",
        "Memory",
        "Temperature",
        "Cloud",
    ]


async def test_it_says_what_is_wrong_and_what_to_do(site: Site, browser: Browser) -> None:
    """Each problem with its reason and advice."""
    site.report = {**REPORT, "problems": {"camera door": "no route to host", "detect-0": "has not answered for 11 s"}}

    page = (await browser.get("/insight")).text

    assert "2 things are wrong:" in page
    assert "<strong>camera door</strong>: no route to host" in page
    assert "Check that the camera has power and network" in page
    assert "make a bug report" in page, "a part without advice of its own"


async def test_it_tells_what_happened(browser: Browser) -> None:
    """Newest first, with links to people; what a camera says is text."""
    page = (await browser.get("/insight")).text

    assert kinds(page) == ["trained", "camera lost", "unknown", "seen", "seen"]
    assert "&lt;no route&gt;" in page
    assert "2 people, 9 faces" in page
    assert re.search(r'<a href="/people/[^"]+">Anna</a> at hall', page)


async def test_a_correction_says_who_it_was(site: Site, browser: Browser) -> None:
    """Also when it was nobody who is enrolled."""
    site.chronicle.hear(replace(sighting(4, None, camera="hall"), type=SightingType.CHANGED))

    assert "corrected</span> <span>Somebody unknown at hall" in (await browser.get("/insight")).text


async def test_one_can_choose_what_is_told(browser: Browser, control: Control) -> None:
    """By person, camera and kind; what is chosen stays chosen in the form."""
    anna = await control.find("Anna")

    assert kinds((await browser.get(f"/insight?person={anna.person_id}")).text) == ["seen"]
    assert kinds((await browser.get("/insight?camera=door&kind=seen")).text) == ["seen"]
    page = (await browser.get("/insight?kind=camera_back")).text
    assert kinds(page) == []
    assert "Nothing of that happened" in page
    assert '<option value="camera_back" selected>' in page


async def test_more_is_shown_when_asked_for(site: Site, browser: Browser) -> None:
    """A hundred first, with the choice kept in the link."""
    for number in range(120):
        site.chronicle.hear(Notice("camera.back", {"camera": f"c{number % 3}"}))

    page = (await browser.get("/insight?kind=camera_back&x=%26%23")).text
    assert len(kinds(page)) == 100
    assert "/insight?kind=camera_back&amp;x=%26%23&amp;more=yes#events" in page
    page = (await browser.get("/insight?kind=camera_back&more=yes")).text
    assert len(kinds(page)) == 120
    assert "more=yes#events" not in page


async def test_a_new_service_has_little_to_tell(tmp_path: Path) -> None:
    """Before the first report there are neither numbers nor charts."""
    async with Site(tmp_path) as site, site.browser(logged_in=True) as browser:
        site.report = {}
        page = (await browser.get("/insight")).text

    assert "has just started" in page
    assert "There are no numbers yet" in page
    assert "Nothing of that happened" in page


async def test_it_is_for_those_who_may_read(site: Site) -> None:
    """A kiosk may not."""
    async with site.browser() as browser:
        assert (await browser.send("GET", "/insight")).status == 401
        _, word = await site.access.tokens.make("kiosk", Scope.KIOSK)
        heads = {"Authorization": f"Bearer {word}"}
        assert (await browser.send("GET", "/insight", headers=heads)).status == 403
