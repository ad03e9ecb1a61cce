"""The report of a bug: helpful, and without anything private."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.site import Browser, Site
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.events import State
from uSense.core.given import Given
from uSense.web import report


@pytest.fixture
async def site(control: Control, tmp_path: Path) -> AsyncIterator[Site]:
    """A house with a lot to hide: Carla was deleted, and all of it is in log and settings."""
    async with Site(tmp_path, control) as site:
        site.chronicle.hear(State("people", [{"person_id": "c", "name": "Carla Rossi"}]))
        site.chronicle.hear(State("people", []))
        (anna, _) = await control.people()
        site.lines = [
            f"deleted Carla Rossi, kept Anna ({anna.person_id})",
            "camera lost: rtsp://me:secret@192.168.1.20/live",
            "broker.local refused hunter22",
            "12 faces in 0.5 s",
        ]
        site.given = [Given(("cameras", "hall", "url"), "rtsp://***@192.168.1.20/live", "", "file", "x, line 3")]
        site.report = {"state": "degraded", "problems": {"broker": "broker.local does not answer"}}
        yield site


async def files(browser: Browser, **fields: str) -> dict[str, str]:
    """What is in the report that the form of the page gives."""
    await browser.get("/insight/report")
    sent = {"csrf": browser.csrf, **fields}
    async with browser.session.post(f"{browser.origin}/insight/report.zip", data=sent) as response:
        assert response.status == 200
        assert response.content_type == "application/zip"
        assert response.headers["Content-Disposition"].startswith('attachment; filename="usense-report-')
        content = await response.read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


async def test_it_is_said_what_is_in_it_before(browser: Browser) -> None:
    """Every file, and what is left out."""
    page = (await browser.get("/insight/report")).text

    assert all(name in page for name in (*report.FILES[1:], "usense doctor"))
    assert "the latest 4 lines of the log" in page
    assert "No pictures and no faces." in page


async def test_it_helps_without_anything_private(browser: Browser) -> None:
    """Who was deleted meanwhile is not in it either; a camera can be followed by its number."""
    found = await files(browser)

    assert tuple(found) == report.FILES
    everything = "".join(found.values())
    for private in ("Anna", "Carla", "Rossi", "192.168", "hunter22", "secret", "broker.local"):
        assert private not in everything, private
    assert found["log.txt"].splitlines() == [
        "deleted <person 1> <person 1>, kept <person 2> (<person 2>)",
        "camera lost: rtsp://<address 1>/***",
        "<house> refused ***",
        "12 faces in 0.5 s",
    ]
    assert found["settings.txt"] == "cameras.hall.url: rtsp://<address 1>/***  # file\n"
    assert json.loads(found["health.json"])["problems"] == {"broker": "<house> does not answer"}
    assert "usense " in found["versions.txt"]
    assert "the latest 4 lines" in found["README.txt"]


async def test_the_doctor_is_asked_on_demand(browser: Browser) -> None:
    """What it finds is cleaned, too."""
    found = await files(browser, doctor="yes")

    assert json.loads(found[report.FINDINGS]) == {"findings": ["<house> answers"]}
    assert report.FINDINGS in found["README.txt"]


async def test_a_link_of_another_site_makes_none(browser: Browser) -> None:
    """Nor does a form of theirs: the doctor would be at work for a minute."""
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    followed = await browser.send("GET", "/insight/report.zip?doctor=yes", headers=link)
    posted = await browser.send("POST", "/insight/report.zip", headers=link, data={"doctor": "yes"})

    assert (followed.status, posted.status) == (303, 403)


@pytest.mark.parametrize(("method", "path"), [("GET", "/insight/report"), ("POST", "/insight/report.zip")])
async def test_it_is_for_those_who_may_do_everything(site: Site, method: str, path: str) -> None:
    """Others cannot have it."""
    _, word = await site.access.tokens.make("script", Scope.ENROLL)
    async with site.browser() as browser:
        assert (await browser.send(method, path, headers={"Authorization": f"Bearer {word}"})).status == 403
        assert (await browser.send(method, path)).status == 401
