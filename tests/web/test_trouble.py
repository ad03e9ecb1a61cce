"""What goes wrong around the pages while somebody looks: people who are gone, and a disk that fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from tests.support.examples import shown
from tests.support.site import Browser, Site
from uSense.control import Control
from uSense.core.errors import StorageError
from uSense.core.models import Person
from uSense.storage.notebook import Notebook


async def test_a_person_is_erased_while_their_page_is_open(browser: Browser, control: Control) -> None:
    """Whatever is done there then, the answer is that there is no such person, and none comes into being."""
    anna, bea = await control.find("Anna"), await control.find("Bea")
    here = f"/people/{anna.person_id}"
    assert "Anna" in (await browser.get(here)).text
    await control.erase_person("Anna")

    answers = [await browser.get(path) for path in (here, f"{here}/faces/{anna.face_ids[0]}.jpg", f"{here}/add")]
    for action, fields in {
        "rename": {"name": "Eve"},
        "note": {"note": "Eve"},
        "drop": {"face": anna.face_ids[0]},
        "merge": {"into": bea.person_id},
        "delete": {"name": "Anna"},
        "page": {"kind-0": "message", "value-0": "Eve"},
    }.items():
        answers.append(await browser.post(f"{here}/{action}", **fields))
    photos = aiohttp.FormData({"csrf": browser.csrf})
    photos.add_field("photos", shown(), filename="a.jpg")
    answers.append(await browser.send("POST", f"{here}/add", data=photos, headers={"Origin": browser.origin}))
    into = await browser.post(f"/people/{bea.person_id}/merge", into=anna.person_id)

    assert {answer.status for answer in answers} == {404}
    assert into.status == 400
    assert not any("Anna" in answer.text for answer in answers)
    assert [person.name for person in await control.people()] == ["Bea"]


async def test_a_disk_that_is_full_is_told(
    browser: Browser, site: Site, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In plain words on pages and as JSON; what needs no disk goes on, and log-ins last until the service ends."""

    async def full(*_: object) -> list[Person]:
        raise StorageError("the disk is full: free some space")

    async def unwritten(_: Notebook, __: Mapping[str, Any]) -> None:
        raise StorageError("the disk is full: free some space")

    monkeypatch.setattr(control.recognizer, "people", full)
    monkeypatch.setattr(Notebook, "save", unwritten)

    page, told = await browser.get("/people"), await browser.send("GET", "/api/v1/states")
    headers = {"X-CSRF-Token": browser.csrf, "Content-Type": "application/json"}
    listed = await browser.send("POST", "/api/v1/commands/person/list", data=b"{}", headers=headers)
    assert (page.status, listed.status, told.status) == (503, 503, 200)
    assert "the disk is full" in page.text
    assert '"code":"unavailable"' in listed.text
    async with site.browser(logged_in=True) as late:
        assert (await late.get("/visitors")).status == 200
        assert (await late.post("/logout")).status == 303
        assert (await late.get("/visitors")).status == 303
