"""The pages of unknown people."""

from __future__ import annotations

from tests.support.site import Browser
from uSense.commands.base import OTHER_VISITOR_ID, VISITOR_ID
from uSense.control import Control
from uSense.visitor_naming import visiting

PATH = f"/visitors/{VISITOR_ID}"
BOTH = [("visitor", VISITOR_ID), ("visitor", OTHER_VISITOR_ID)]


async def choose(browser: Browser, **fields: str) -> tuple[int, str]:
    """Do something to both."""
    data = [("csrf", browser.csrf), *BOTH, *fields.items()]
    heads = {"Accept": "text/html", "Origin": browser.origin}
    answer = await browser.send("POST", "/visitors", data=data, headers=heads)
    if "Location" in answer.headers:
        answer = await browser.get(answer.headers["Location"])
    return answer.status, answer.text


async def test_who_was_here_last_stands_first(browser: Browser) -> None:
    """With a face, how often, when and where."""
    page = (await browser.get("/visitors")).text

    assert page.index(VISITOR_ID) < page.index(OTHER_VISITOR_ID)
    assert "2 visits" in page
    assert "hall" in page
    face = await browser.get(f"{PATH}/faces/0.jpg")
    assert (face.status, face.headers["Cache-Control"]) == (200, "no-store")
    assert [(await browser.get(f"{PATH}/faces/{name}")).status for name in ("1.jpg", "99.jpg", "-1.jpg", "x")] == [
        404
    ] * 4
    assert (await browser.get("/visitors/1")).status == 404


async def test_a_visitor_gets_a_name(browser: Browser, control: Control) -> None:
    """A new one, or that of somebody who is there; then their page is shown."""
    await browser.get(PATH)

    nobody = await browser.post(PATH, who="", name="")
    taken = await browser.post(PATH, who="new", name="Anna")
    new = await browser.post(PATH, who="new", name="Cleo")
    there = await browser.post(f"/visitors/{OTHER_VISITOR_ID}", who=(await control.find("Bea")).person_id, force="yes")

    assert (nobody.status, taken.status) == (400, 400)
    cleo, bea = await control.find("Cleo"), await control.find("Bea")
    assert (new.status, new.headers["Location"]) == (303, f"/people/{cleo.person_id}")
    assert there.headers["Location"] == f"/people/{bea.person_id}"
    assert [len(person.face_ids) for person in (cleo, bea)] == [1, 1]
    assert not visiting(control).everybody()


async def test_without_a_kept_picture_nobody_can_be_named(browser: Browser, control: Control) -> None:
    """The page says why."""
    await control.drop_crops()

    assert "No picture of this visitor was kept" in (await browser.get(PATH)).text


async def test_many_are_deleted_after_one_more_question(browser: Browser, control: Control) -> None:
    """The first answer asks, the second deletes."""
    await browser.get("/visitors")

    _, sure = await choose(browser, action="delete")
    assert "Delete 2" in sure
    assert len(visiting(control).everybody()) == 2
    _, done = await choose(browser, action="delete", sure="yes")

    assert "Deleted: 2." in done
    assert not visiting(control).everybody()


async def test_two_are_made_one(browser: Browser, control: Control) -> None:
    """Visits and faces of both are those of the one who was seen last."""
    await browser.get("/visitors")
    alone = await browser.post("/visitors", action="merge", visitor=VISITOR_ID)

    _, sure = await choose(browser, action="merge")
    _, done = await choose(browser, action="merge", sure="yes")

    assert alone.status == 400
    assert "Make 2 one" in sure
    assert "2 visitors are one now." in done
    (visitor,) = visiting(control).everybody()
    assert (visitor.visitor_id, visitor.sightings) == (VISITOR_ID, 5)
    assert len(await visiting(control).probes(VISITOR_ID)) == len(visitor.faces)


async def test_many_are_ignored_and_told_again(browser: Browser, control: Control) -> None:
    """Without a question: it can be undone."""
    await browser.get("/visitors")

    _, ignored = await choose(browser, action="ignore")
    before = [one.ignored for one in visiting(control).everybody()]
    _, heeded = await choose(browser, action="heed")

    assert "not told any more: 2" in ignored
    assert "told again: 2" in heeded
    assert before == [True, True]
    assert not any(one.ignored for one in visiting(control).everybody())


async def test_nothing_is_done_without_a_choice(browser: Browser) -> None:
    """Nobody chosen, gone meanwhile, or nothing that is known here."""
    await browser.get("/visitors")

    assert (await browser.post("/visitors", action="delete")).status == 400
    assert (await browser.post("/visitors", action="delete", visitor="1")).status == 400
    assert (await choose(browser, action="frame"))[0] == 400
