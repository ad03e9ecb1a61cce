"""What was said on the pages against a face being somebody's, and where it is taken back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.mqtt import sighting
from tests.support.site import Answer, Browser, Site
from tests.support.stand_ins import picture
from tests.support.values import GOOD
from uSense.commands.visitors import EVENT_ID
from uSense.control import Control
from uSense.core.access import Scope
from uSense.core.events import Decision, Portrait, SightingType
from uSense.core.models import Box, Probe

PATH = f"/sightings/{EVENT_ID}"


@pytest.fixture
async def anna(site: Site, browser: Browser, control: Control) -> str:
    """Where the page of Anna is, of whom there is a sighting with somebody else's face."""
    anna = await control.find("Anna")
    site.hub.hear(Portrait(1, "hall", Probe(255 - picture().rgb(), Box(234, 154, 406, 326), GOOD)))
    site.hub.hear(sighting(1, "Anna", event_id=EVENT_ID, track_id="track", person_id=anna.person_id))
    await browser.get(PATH)
    return f"/people/{anna.person_id}"


def form(page: str, action: str) -> Mapping[str, str]:
    """What the first form with this in it would send."""
    found = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if action in one)
    return {name: value for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', found) if name != "csrf"}


async def rejections(control: Control) -> int:
    """How many there are, in memory and on the disk."""
    assert control.visiting is not None
    kept = control.visiting.rejecting.rejections.kept.values()
    there = len(await control.visiting._store.rejections())
    assert sum(map(len, kept)) == there
    return there


async def test_what_was_said_is_on_the_page_of_the_person(browser: Browser, control: Control, anna: str) -> None:
    """With the face, and from there it is taken back; sent twice it is taken back once."""
    assert 'id="not-them"' not in (await browser.get(anna)).text
    await browser.post(PATH, verdict="wrong", who="nobody")
    page = (await browser.get(anna)).text
    assert "Not Anna: 1" in page
    assert f'src="/api/v1/sightings/{EVENT_ID}/face"' in page

    answers = [await browser.post(f"{anna}/allow", **form(page, "/allow")) for _ in range(2)]

    assert [one.headers["Location"] for one in answers] == [f"{anna}?done=allowed"] * 2
    assert "may be called Anna again" in (await browser.get(f"{anna}?done=allowed")).text
    assert await rejections(control) == 0
    assert 'id="not-them"' not in (await browser.get(anna)).text


async def test_what_was_said_long_ago_is_there_with_its_date(
    site: Site, browser: Browser, control: Control, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a restart, when nobody knows the sighting any more; ids of before say no date."""
    await browser.post(PATH, verdict="wrong", who="nobody")
    site.hub.portraits.clear()
    assert control.visiting is not None
    rejecting = control.visiting.rejecting
    monkeypatch.setattr(rejecting, "_told", {})
    dated = (await browser.get(anna)).text
    (told,) = re.findall(r"<p[^>]*>(\d\d \w{3} \d{4}, \d\d:\d\d)</p>", dated)
    monkeypatch.setattr("uSense.rejections.made_at", lambda _: None)

    undated = (await browser.get(anna)).text

    assert "/face" not in dated[dated.index('id="not-them"') :]
    assert "said long ago" in undated
    assert told not in undated
    await browser.post(f"{anna}/allow", **form(undated, "/allow"))
    assert await rejections(control) == 0


async def test_what_is_said_of_somebody_else_stays(browser: Browser, control: Control, anna: str) -> None:
    """A page takes back only what is on it, and for those who may enroll."""
    await browser.post(PATH, verdict="wrong", who="nobody")
    sent = form((await browser.get(anna)).text, "/allow")

    other = await browser.post(f"/people/{(await control.find('Bea')).person_id}/allow", **sent)

    assert other.status == 303
    assert await rejections(control) == 1


async def test_who_only_reads_is_not_asked(site: Site, browser: Browser, anna: str) -> None:
    """Nor shown the faces."""
    await browser.post(PATH, verdict="wrong", who="nobody")
    _, word = await site.access.tokens.make("tv", Scope.READ)
    async with site.browser() as reader:
        heads = {"Authorization": f"Bearer {word}", "Accept": "text/html"}
        page = await reader.send("GET", anna, headers=heads)
        refused = await reader.send("POST", f"{anna}/allow", headers=heads, data={"rejection": "x"})

    assert (page.status, refused.status) == (200, 403)
    assert "Not Anna" not in page.text


async def corrected(browser: Browser, **who: str) -> Answer:
    """It was somebody else."""
    answer = await browser.post(PATH, verdict="wrong", **who)
    assert answer.status == 200
    return answer


async def test_a_correction_is_undone_at_once(browser: Browser, control: Control, anna: str) -> None:
    """Who got the face has it no more, and the sighting is Anna's as if nothing had been said."""
    bea = await control.find("Bea")
    done = await corrected(browser, who=bea.person_id)

    undone = await browser.post(PATH, **form(done.text, "undo"))

    assert "it may be Anna again, and Bea does not have this face" in undone.text
    assert await rejections(control) == 0
    assert (await control.find("Bea")).face_ids == ()
    assert (await control.training()).faces == 1
    page = (await browser.get(PATH)).text
    assert "<h1>Anna</h1>" in page
    assert "You said" not in page


async def test_a_name_that_was_taken_back_is_given_back(browser: Browser, control: Control, anna: str) -> None:
    """Nobody had got the face; clicked twice it is undone once."""
    done = await corrected(browser, who="nobody")

    answers = [await browser.post(PATH, **form(done.text, "undo")) for _ in range(2)]

    assert "Undone: it may be Anna again." in answers[0].text
    assert answers[1].status == 200
    assert await rejections(control) == 0


async def test_only_what_was_just_said_is_undone_there(browser: Browser, control: Control, anna: str) -> None:
    """Who corrects a correction takes the first one back on the person's page."""
    await corrected(browser, who="new", name="Cleo")

    again = await corrected(browser, who="nobody")

    assert 'value="undo"' not in again.text
    assert await rejections(control) == 2


async def test_the_reason_names_the_person(site: Site, browser: Browser, control: Control, anna: str) -> None:
    """And leads to where it is taken back; who was erased is not named."""
    numbers: dict[str, Any] = {"score": 0.88, "runner_up": 0.34, "margin": 0.54, "threshold": 0.5, "quality": 0.8}
    for event_id, person_id in (("e2", anna.removeprefix("/people/")), ("e3", "gone")):
        decision = Decision(**numbers, votes=3, looks=3, reason="rejected_before", rejected=person_id)
        unknown = sighting(2, None, event_id=event_id, type=SightingType.UNKNOWN, decision=decision)
        site.hub.hear(unknown)

    page, erased = (await browser.get("/sightings/e2")).text, (await browser.get("/sightings/e3")).text

    assert "of which you said that it is not Anna." in page
    assert f'href="{anna}#not-them"' in page
    assert "that it is not that person." in erased
    assert "#not-them" not in erased
