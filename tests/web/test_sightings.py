"""The page of a sighting: why it was decided so, and what is said of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from tests.support.stand_ins import Ears, picture
from tests.support.values import GOOD
from uSense.commands.visitors import EVENT_ID
from uSense.control import Control
from uSense.core.errors import RequestError
from uSense.core.events import Decision, Portrait, SightingType
from uSense.core.models import Box, Probe

PATH = f"/sightings/{EVENT_ID}"
DECISION = Decision(
    score=0.61, runner_up=0.22, margin=0.39, threshold=0.5, votes=2, looks=3, quality=0.8, reason="agreed"
)
NUMBERS = {
    "Likeness to the best person": "0.61",
    "Least likeness that names somebody": "0.50",
    "Likeness to the next best person": "0.22",
    "Lead over the next best": "0.39",
    "How usable the face was": "0.80",
    "Looks that agree": "2 of 3",
    "Age of the picture when it was decided": "123 ms",
    "Decided by": "oracle, oracle",
}
"""As the page of that decision has them."""


@pytest.fixture
async def browser(site: Site, control: Control) -> AsyncIterator[Browser]:
    """Somebody who is logged in and looks at the sighting of Anna, of somebody else's face."""
    async with site.browser(logged_in=True) as browser:
        anna = await control.find("Anna")
        crop = 255 - picture().rgb()
        site.hub.hear(Portrait(1, "hall", Probe(crop, Box(234, 154, 406, 326), GOOD)))
        told = replace(sighting(1, "Anna", event_id=EVENT_ID, track_id="track", person_id=anna.person_id), age=0.1234)
        site.hub.hear(replace(told, decision=DECISION))
        site.hub.hear(sighting(2, None, event_id="e2", person_id=None, type=SightingType.UNKNOWN))
        await browser.get(PATH)
        yield browser


async def test_the_decision_is_told_in_words_with_its_numbers(browser: Browser) -> None:
    """Who, where, when, why, how sure and how much that is worth."""
    page = (await browser.get(PATH)).text

    assert "looks agree: it is Anna" in page
    assert "at the camera hall" in page
    assert "Good enough for" in page
    assert NUMBERS.items() <= dict(re.findall(r"<dt>(.+?)</dt><dd>(.+?)</dd>", page)).items()
    assert f"/api/v1/sightings/{EVENT_ID}/face" in page
    assert (await browser.get("/sightings/e9")).status == 404


async def test_it_was_right(browser: Browser, control: Control) -> None:
    """The face is one more of Anna's, and counts at once; said twice it is known already."""
    first = await browser.post(PATH, verdict="right")
    second = await browser.post(PATH, verdict="right")

    assert "one more of Anna" in first.text
    assert "known already" in second.text
    anna = await control.find("Anna")
    assert len(anna.face_ids) == 2
    assert anna.trained


async def test_it_was_somebody_else(browser: Browser, control: Control) -> None:
    """The face becomes Bea's, and is not called Anna again."""
    bea = await control.find("Bea")
    answer = await browser.post(PATH, verdict="wrong", who=bea.person_id)

    assert "this face is Bea" in answer.text
    assert len((await control.find("Bea")).face_ids) == 1
    assert control.visiting is not None
    assert len(await control.visiting._store.rejections()) == 1


async def test_it_was_somebody_new(browser: Browser, control: Control) -> None:
    """Who gets the face and the name; who comes from nowhere must have one."""
    nameless = await browser.post(PATH, verdict="wrong", who="new", name=" ")
    taken = await browser.post(PATH, verdict="wrong", who="new", name="anna")
    answer = await browser.post(PATH, verdict="wrong", who="new", name="Cleo")

    assert (nameless.status, "Type the name" in nameless.text) == (400, True)
    assert taken.status == 400
    assert "Anna" in taken.text
    assert "this face is Cleo" in answer.text
    assert [person.name for person in await control.people()] == ["Anna", "Bea", "Cleo"]


async def test_it_was_nobody_known(browser: Browser, control: Control) -> None:
    """The name is taken back, and nobody gets the face."""
    answer = await browser.post(PATH, verdict="wrong", who="nobody")

    assert "is not called Anna again" in answer.text
    assert [len(person.face_ids) for person in await control.people()] == [1, 0]


async def test_a_correction_that_fails_leaves_all_as_it_was(
    browser: Browser, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the face nor the rejection stays, and the page says what went wrong."""

    async def failing() -> None:
        raise RequestError("the disk is full")

    monkeypatch.setattr(control, "train", failing)
    answer = await browser.post(PATH, verdict="wrong", who="new", name="Cleo")

    assert answer.status == 400
    assert "the disk is full" in answer.text
    assert [person.name for person in await control.people()] == ["Anna", "Bea"]
    assert control.visiting is not None
    assert await control.visiting._store.rejections() == []


async def test_an_unknown_face_that_is_not_kept_any_more(browser: Browser) -> None:
    """Cannot be given to anybody, and there is nothing to praise."""
    page = (await browser.get("/sightings/e2")).text
    praised = await browser.post("/sightings/e2", verdict="right")
    chosen = await browser.post("/sightings/e2", verdict="wrong", who="new", name="Cleo")

    assert "is not kept any more" in page
    assert (praised.status, chosen.status) == (400, 400)
    assert "add a photo instead" in chosen.text


async def test_a_repeated_correction_is_done_already(browser: Browser, control: Control) -> None:
    """Sent again, by name or by id, the face is kept once, and the rejection of the first stays."""
    first = await browser.post(PATH, verdict="wrong", who="new", name="Cleo")
    again = await browser.post(PATH, verdict="wrong", who="new", name="cleo")
    cleo = await control.find("Cleo")
    chosen = await browser.post(PATH, verdict="wrong", who=cleo.person_id)

    assert [one.status for one in (first, again, chosen)] == [200, 200, 200]
    assert all("this face is Cleo" in one.text for one in (first, again, chosen))
    assert len((await control.find("Cleo")).face_ids) == 1
    assert control.visiting is not None
    assert len(await control.visiting._store.rejections()) == 1
    assert "You said that it is Cleo" in (await browser.get(PATH)).text


async def test_two_corrections_at_once_are_one(browser: Browser, control: Control) -> None:
    """A button that is clicked twice keeps the face once."""
    bea = await control.find("Bea")

    answers = await asyncio.gather(*(browser.post(PATH, verdict="wrong", who=bea.person_id) for _ in range(2)))

    assert ["this face is Bea" in one.text for one in answers] == [True, True]
    assert len((await control.find("Bea")).face_ids) == 1


async def test_a_later_correction_that_fails_undoes_nothing_of_the_first(browser: Browser, control: Control) -> None:
    """The name that was taken back stays so."""
    await browser.post(PATH, verdict="wrong", who="nobody")

    taken = await browser.post(PATH, verdict="wrong", who="new", name="bea")

    assert taken.status == 400
    assert control.visiting is not None
    assert len(await control.visiting._store.rejections()) == 1


@pytest.mark.parametrize("verdict", [{"verdict": "right"}, {"verdict": "wrong", "who": "nobody"}])
async def test_who_was_merged_can_be_judged(
    site: Site, browser: Browser, control: Control, verdict: dict[str, str]
) -> None:
    """By who they are now, and the page has that name."""
    anna, bea = await control.people()
    await control.merge_people(anna.person_id, bea.person_id)
    assert isinstance(control.outbox, Ears)
    for event in control.outbox.events:
        site.hub.hear(event)

    page = await browser.get(PATH)
    answer = await browser.post(PATH, **verdict)

    assert "Bea" in page.text
    assert "Anna" not in page.text
    assert answer.status == 200


async def test_a_corrected_sighting_leaves_with_whom_it_was_given_to(
    site: Site, browser: Browser, control: Control
) -> None:
    """Cleo is erased, and her face, which was called Anna, with her."""
    await browser.post(PATH, verdict="wrong", who="new", name="Cleo")
    cleo = await control.erase_person("Cleo")
    assert isinstance(control.outbox, Ears)
    site.hub.hear(control.outbox.notices[-1])

    assert control.outbox.notices[-1].data["person_id"] == cleo[0].person_id
    assert (await browser.get(f"/api/v1/sightings/{EVENT_ID}/face")).status == 404
