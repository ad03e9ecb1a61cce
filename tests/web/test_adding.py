"""Photos that are sent: a verdict each, and whatever comes, nothing is kept that should not be."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import BodyPartReader

from tests.support.examples import rgb, shown, somebody
from tests.support.portraits import jpeg
from tests.support.site import Answer, Browser, Site
from tests.support.stand_ins import Ears, Spotter
from tests.support.waiting import until
from uSense.control import Control
from uSense.core.errors import RequestError, StorageError, UsenseError
from uSense.core.events import Notice
from uSense.core.models import Box, Face, Probe
from uSense.imaging import MAX_BYTES
from uSense.ports import AddedFace
from uSense.web import uploads
from uSense.web.uploads import AT_ONCE, MOST, Desk, Pace

NEW = "/people/add"


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    """Somebody who is logged in and looks at the form."""
    async with site.browser(logged_in=True) as browser:
        await browser.get(NEW)
        yield browser


def cleo(shade: float = 1.0) -> bytes:
    """A photo of somebody who is not there yet."""
    return jpeg(somebody(shade))


async def send(browser: Browser, path: str, *photos: bytes, page: bool = False, **fields: str) -> Answer:
    """Send photos, as a form or as a program."""
    form = aiohttp.FormData()
    for name, value in {"csrf": browser.csrf, **fields}.items():
        form.add_field(name, value)
    for number, photo in enumerate(photos):
        form.add_field("photos", io.BytesIO(photo), filename=f"{number}.jpg", content_type="image/jpeg")
    accept = "text/html" if page else "application/json"
    return await browser.send("POST", path, data=form, headers={"Accept": accept, "Origin": browser.origin})


def outcomes(answer: Answer) -> list[str]:
    """What became of each photo."""
    return [one["outcome"] for one in json.loads(answer.text)["verdicts"]]


async def test_somebody_new_is_made_by_their_photos(browser: Browser, control: Control) -> None:
    """With the first that can be kept; all are trained at the end, and nothing is kept twice."""
    answer = await send(browser, NEW, b"no picture", cleo(), cleo(), cleo(0.9), name="Cleo")

    assert outcomes(answer) == ["refused", "kept", "known", "kept"]
    person = await control.find("Cleo")
    told = json.loads(answer.text)
    assert (told["person_id"], told["trained"]) == (person.person_id, True)
    assert (len(person.face_ids), person.trained) == (2, True)


@pytest.mark.parametrize("page", [True, False], ids=["page", "program"])
@pytest.mark.parametrize("problem", [StorageError("the disk is full"), RequestError("asked too often", code="busy")])
async def test_what_fails_half_way_hides_nothing_that_was_kept(
    *, page: bool, problem: UsenseError, browser: Browser, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photos before it have their verdicts and count, and the problem is told with them."""
    keep = control.recognizer.add_face

    async def full(who: str, probe: Probe, *, force: bool = False) -> AddedFace:
        if (await control.find(who)).face_ids:
            raise problem
        return await keep(who, probe, force=force)

    monkeypatch.setattr(control.recognizer, "add_face", full)
    answer = await send(browser, NEW, cleo(), cleo(0.9), cleo(0.8), page=page, name="Cleo")

    person = await control.find("Cleo")
    assert (len(person.face_ids), person.trained) == (1, True)
    assert answer.status == (503 if isinstance(problem, StorageError) else 429)
    assert str(problem) in answer.text
    if page:
        assert "Photos kept: 1 of 1. They count" in answer.text
        assert "Send photos that have no verdict" in answer.text
        assert f'action="/people/{person.person_id}/add"' in answer.text
    else:
        assert outcomes(answer) == ["kept"]
        assert json.loads(answer.text)["person_id"] == person.person_id


async def test_a_training_that_fails_is_told_with_the_verdicts(
    browser: Browser, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept, and do not count yet."""

    async def broken() -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(control, "train", broken)
    answer = await send(browser, NEW, cleo(), page=True, name="Cleo")

    assert answer.status == 503
    assert "the disk is full" in answer.text
    assert "Photos kept: 1 of 1." in answer.text
    assert "kept. They count" not in answer.text


async def test_who_missed_a_guided_enrollment_can_ask(site: Site, browser: Browser, control: Control) -> None:
    """Which one is under way, and what was told last; once somebody is erased, nothing of it is left."""

    async def told() -> Any:
        return json.loads((await browser.send("GET", "/people/guided")).text)

    assert await told() == {"running": None, "told": None}
    begun = await control.guide.start("Cleo", "hall")
    which = {"enrollment_id": begun.enrollment_id, "camera": "hall"}
    site.hub.hear(Notice("enroll.prompt", {**which, "code": "look_straight", "text": "Look straight."}))
    site.hub.hear(Notice("person.arrived", {"person_id": "a"}))

    now = await told()
    assert now["running"] == {**which, "name": "Cleo", "person_id": None}
    assert now["told"] == {"type": "enroll.prompt", **which, "code": "look_straight", "text": "Look straight."}
    site.hub.hear(Notice("person.erased", {"person_id": "a"}))
    assert (await told())["told"] is None


async def test_a_page_without_scripts_tells_the_same(browser: Browser, control: Control) -> None:
    """A verdict each in plain words, and further photos go to the same person."""
    answer = await send(browser, NEW, cleo(), b"no picture", page=True, name="Cleo")

    person = await control.find("Cleo")
    assert answer.status == 200
    assert "Photos kept: 1 of 2." in answer.text
    assert "Not a picture in one of the formats" in answer.text
    assert f'action="/people/{person.person_id}/add"' in answer.text


async def test_who_is_somebody_else_is_not_made(browser: Browser, control: Control) -> None:
    """Nor by name nor by face; nobody comes into being, unless it is said that it is them."""
    taken = await send(browser, NEW, cleo(), name="anna")
    looks = await send(browser, NEW, shown(), name="Cleo")
    there = await send(browser, f"/people/{(await control.find('Bea')).person_id}/add", shown())

    assert taken.status == 400
    assert "enrolled already" in taken.text
    assert outcomes(looks) == outcomes(there) == ["somebody_else"]
    assert "This looks like Anna" in looks.text
    assert json.loads(looks.text)["person_id"] is None
    assert [person.name for person in await control.people()] == ["Anna", "Bea"]

    forced = await send(browser, NEW, shown(), name="Cleo", force="yes")
    assert outcomes(forced) == ["kept"]


async def test_one_a_request_is_trained_when_the_sender_says_so(browser: Browser, control: Control) -> None:
    """A page that sends one after the other trains once."""
    answer = await send(browser, NEW, cleo(), name="Cleo", later="yes")

    assert not json.loads(answer.text)["trained"]
    assert not (await control.find("Cleo")).trained


@pytest.mark.parametrize(
    ("faces", "text"),
    [((), "No face was found"), ((Box(0, 0, 200, 200), Box(300, 0, 500, 200)), "2 faces are alike in size")],
)
async def test_a_photo_without_one_face_is_refused(
    faces: tuple[Box, ...], text: str, browser: Browser, control: Control
) -> None:
    """None, or two of which nobody knows whose it is."""
    detector = control.detector
    assert isinstance(detector, Spotter)
    detector.faces = tuple(Face(box, 1.0) for box in faces)

    answer = await send(browser, NEW, cleo(), name="Cleo")

    assert outcomes(answer) == ["refused"]
    assert text in answer.text
    assert len(await control.people()) == 2


async def test_too_large_and_too_many_hinder_no_other(browser: Browser, control: Control) -> None:
    """What is too much is read and forgotten, with a verdict; the rest goes on."""
    large = await send(browser, NEW, bytes(MAX_BYTES + 1), cleo(), name="Cleo")
    many = await send(browser, NEW, *[b"x"] * (MOST + 2), name="Carl")

    assert outcomes(large) == ["refused", "kept"]
    assert "larger than 30 MB" in large.text
    assert outcomes(many) == ["refused"] * (MOST + 2)
    assert many.text.count("More than 50 photos") == 2


@pytest.mark.parametrize(("photos", "name"), [([b"no picture"], "Cleo"), ([cleo()], "Anna")])
async def test_a_name_is_typed_once(browser: Browser, photos: list[bytes], name: str) -> None:
    """It is still in the form when no photo was kept, whyever."""
    answer = await send(browser, NEW, *photos, page=True, name=name)

    assert f'name="name" value="{name}"' in answer.text


async def test_a_form_of_somebody_else_is_refused(browser: Browser, control: Control) -> None:
    """Without the word of our forms, from another site, or without photos."""
    browser.csrf = "guessed"
    forged = await send(browser, NEW, cleo(), name="Cleo")
    browser.csrf = ""
    await browser.get(NEW)
    headed = {"X-CSRF-Token": "guessed", "Origin": browser.origin}
    form = aiohttp.FormData({"name": "Cleo", "csrf": browser.csrf})
    form.add_field("photos", cleo(), filename="a.jpg")
    also = await browser.send("POST", NEW, data=form, headers=headed)
    empty = await send(browser, NEW, name="Cleo")
    elsewhere = await browser.send("POST", NEW, data=b"", headers={"Origin": "http://evil.example"})

    assert [forged.status, also.status, elsewhere.status, empty.status] == [403, 403, 403, 400]
    assert len(await control.people()) == 2


HEAD = b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"--b--\r\n",
        b"--b\r\n\r\n",
        HEAD + b"\r\nhalf a picture",
        HEAD + b"Content-Length: x\r\n\r\nabc\r\n--b--\r\n",
        HEAD + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + b"x" * 70_000 + b"\r\n--b--\r\n",
    ],
)
async def test_a_broken_form_is_refused_in_words(body: bytes, browser: Browser, control: Control) -> None:
    """Whatever it is, the answer is one of a request that was wrong."""
    heads: dict[str, Any] = {"Content-Type": "multipart/form-data; boundary=b", "X-CSRF-Token": browser.csrf}

    answer = await browser.send("POST", NEW, data=body, headers={**heads, "Origin": browser.origin})

    assert answer.status in {400, 413}
    assert "error" in answer.text
    assert len(await control.people()) == 2


async def test_a_connection_that_breaks_leaves_what_was_kept_trained(browser: Browser, control: Control) -> None:
    """The photos that arrived count."""
    parts = HEAD + b"\r\n" + cleo() + b"\r\n" + HEAD + b"\r\n" + bytes(200_000)
    bea = await control.find("Bea")
    heads = f"POST /people/{bea.person_id}/add HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999\r\n"
    heads += f"Content-Type: multipart/form-data; boundary=b\r\nX-CSRF-Token: {browser.csrf}\r\n"
    (cookie,) = [one for one in browser.session.cookie_jar if one.key == "usense"]
    host, _, port = browser.origin.removeprefix("http://").partition(":")
    ears, trained = control.outbox, asyncio.Event()
    assert isinstance(ears, Ears)
    control.on_gallery = trained.set

    heard = len(ears.events)
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{heads}Cookie: usense={cookie.value}\r\n\r\n".encode() + parts)
    await writer.drain()
    await until(lambda: any(isinstance(one, Notice) and one.type == "enroll.progress" for one in ears.events[heard:]))
    writer.close()

    async with asyncio.timeout(10):
        await trained.wait()
    assert (await control.find("Bea")).trained


class Trickle(BodyPartReader):
    """A part that comes byte by byte."""

    def __init__(self) -> None:
        self.sent = 0

    async def read_chunk(self, _: int = 0) -> bytes:
        self.sent += 1
        await asyncio.sleep(0.01)
        return b"x"


async def test_who_sends_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause is too long, but all of them together are."""
    monkeypatch.setattr(uploads, "PATIENCE", 0.1)
    pace, part = Pace(), Trickle()
    with pytest.raises(TimeoutError):
        await _drained(pace, part)

    assert 1 < part.sent < 12


async def _drained(pace: Pace, part: BodyPartReader) -> None:
    while await pace.read(part):
        pass


async def test_who_sends_too_much_at_once_is_asked_to_wait() -> None:
    """Two requests have a turn, a third has none until one is done."""
    desk = Desk()
    with desk.turn(), desk.turn(), pytest.raises(RequestError) as refused, desk.turn():
        pass

    assert (refused.value.code, desk.busy, AT_ONCE) == ("busy", 0, 2)


def test_the_photos_of_the_tests_differ() -> None:
    """Otherwise nothing would be shown by them."""
    assert not np.array_equal(rgb(), somebody())
