"""The first page and its pictures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.support.mqtt import sighting
from tests.support.site import Browser, Site
from tests.support.standing import Standing
from tests.support.values import Plain, face, frame, portrait
from tests.support.waiting import until
from uSense.core.errors import RequestError
from uSense.core.events import SightingType
from uSense.core.models import PersonRef, Shot
from uSense.web.live import FRESH, VIEWERS, Live

ANNA = PersonRef("anna", "Anna")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The pages, with somebody in the hall."""
    async with Site(tmp_path) as house:
        house.scenes["hall"].look([face(100.0)], frame(1.0))
        yield house


async def test_pictures_come_with_what_is_in_them(site: Site, browser: Browser) -> None:
    """A text with the faces, and then the picture, again and again."""
    async with browser.session.ws_connect(f"{browser.origin}/live/hall") as socket:
        for _ in range(3):
            told = json.loads(await socket.receive_str())
            assert (await socket.receive_bytes()).startswith(b"\xff\xd8")
            assert told["size"] == [640, 2560]
            [found] = told["faces"]
            assert (found["state"], found["name"], found["event_id"]) == ("undecided", None, None)
            assert found["box"] == [0.0781, 0.1042, 0.2344, 0.3125]
    await until(lambda: site.server.house.live.viewers == 0)


async def test_boxes_say_how_sure_it_is(site: Site, browser: Browser) -> None:
    """The same number that the list of sightings has for this person; none for somebody who is unknown."""
    hall = Standing()
    site.scenes["hall"] = hall.scene
    hall.stand(ANNA, None)
    told = next(one for one in hall.sightings if one.name)
    site.hub.hear(told)

    view = await site.server.house.live.next("hall")

    assert [(one["name"], one["percent"]) for one in view.told["faces"]] == [("Anna", 70), (None, None)]
    assert "70&nbsp;%" in (await browser.get(f"/sightings/{told.event_id}/row")).text


async def test_a_camera_without_pictures_says_why(site: Site, browser: Browser) -> None:
    """In the view, and for a single picture."""
    site.problem = "the camera hall is offline: it is paused"
    async with browser.session.ws_connect(f"{browser.origin}/live/hall") as socket:
        assert json.loads(await socket.receive_str()) == {"problem": site.problem}
    assert (await browser.send("GET", "/live/hall/still.jpg")).status == 409
    site.problem = ""
    assert (await browser.send("GET", "/live/hall/still.jpg")).headers["Content-Type"] == "image/jpeg"
    assert (await browser.get("/live/attic")).status == 404


async def test_only_those_who_may_look(site: Site, browser: Browser) -> None:
    """Nobody without a log-in, no page of another site, and not one viewer too many."""
    address = f"{browser.origin}/live/hall"
    async with site.browser() as stranger:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
            await stranger.session.ws_connect(address)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await browser.session.ws_connect(address, origin="http://evil.example")
    site.server.house.live.viewers = VIEWERS
    with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
        await browser.session.ws_connect(address)
    assert (await browser.send("GET", "/live/hall")).status == 400


async def test_a_log_out_ends_the_view(site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within seconds, with a code by which the page knows."""
    monkeypatch.setattr("uSense.web.pages.live.STILL_IN", 0.0)
    async with browser.session.ws_connect(f"{browser.origin}/live/hall") as socket:
        await socket.receive_str()
        await browser.post("/logout")
        while (message := await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
    assert message.data == 4401


async def test_a_picture_is_taken_once_for_all(site: Site) -> None:
    """However many look, also when the one who takes it leaves; and with nobody there is none."""
    taken: list[str] = []
    turn = asyncio.Event()

    async def shot(camera: str, fit: object = None) -> object:
        taken.append(camera)
        await turn.wait()
        return await site.shot(camera)

    live = Live(shot, site.scenes, site.server.house.context, fps=1000.0, width=640)  # type: ignore[arg-type]
    looking = [asyncio.create_task(live.next("hall"), name=f"viewer {number}") for number in range(4)]
    await until(lambda: taken)
    looking[0].cancel()
    await until(lambda: len(taken) == 2)
    turn.set()
    views = await asyncio.gather(*looking[1:])

    assert taken == ["hall", "hall"]
    assert [view.number for view in views] == [1, 1, 1]
    assert (await live.next("hall", 1)).number == 2
    with pytest.raises(RequestError, match="attic"):
        await live.next("attic")


async def test_boxes_are_of_the_picture_that_they_are_shown_with(site: Site) -> None:
    """It is waited for them if they are sought in it, and not longer than a picture lasts: they lag behind else."""
    scene = site.scenes["hall"]
    asked: list[float] = []

    async def shot(camera: str, fit: object = None) -> Shot:
        asked.append(frame(2.0).captured_at)
        return Shot(asked[-1], Plain((640, 480)).rgb(), sought=True)

    slow, quick = (Live(shot, site.scenes, site.server.house.context, fps=fps, width=640) for fps in (0.01, 100.0))
    old = await quick.next("hall")
    waiting = asyncio.create_task(slow.next("hall"), name="viewer")
    await until(lambda: len(asked) == 2)
    scene.look([face(140.0)], frame(2.0))
    new = await waiting

    assert [view.told["faces"][0]["box"][0] for view in (old, new)] == [0.0781, 0.1406]


async def test_nobody_is_shown_what_was_there_long_ago(site: Site, browser: Browser) -> None:
    """A camera that gives no pictures any more has no picture, and a later viewer begins with a new one."""
    live = site.server.house.live
    live._cameras["hall"].view = replace(await live.next("hall"), jpeg=b"long ago")
    live._cameras["hall"].taken -= FRESH

    assert "long ago" not in (await browser.send("GET", "/live/hall/still.jpg")).text
    site.problem = "the camera hall is offline: it is paused"
    with pytest.raises(RequestError):
        await live.next("hall", 1000)
    assert (await browser.send("GET", "/live/hall/still.jpg")).status == 409


async def test_no_faster_than_the_settings_say(site: Site) -> None:
    """The second picture waits for its time."""
    live = Live(site.shot, site.scenes, site.server.house.context, fps=20.0, width=640)
    begun = time.monotonic()
    for number in range(5):
        await live.next("hall", number)
    assert time.monotonic() - begun >= 4 / 20


async def test_sightings_are_listed(site: Site, browser: Browser) -> None:
    """The newest first, with faces and how sure; and each alone for the page that hears of it."""
    assert "Nobody was seen" in (await browser.get("/")).text
    for seq, name in enumerate(["Anna", None]):
        site.hub.hear(portrait(seq))
        kind = SightingType.RECOGNIZED if name else SightingType.UNKNOWN
        site.hub.hear(sighting(seq, name, event_id=f"e{seq}", type=kind))

    page = (await browser.get("/")).text
    row = (await browser.get("/sightings/e0/row")).text

    assert page.index("Somebody unknown") < page.index("Anna")
    assert "/api/v1/sightings/e0/face" in row
    assert row.count("<li") == 1
    assert (await browser.get("/sightings/e7/row")).status == 404


async def test_a_camera_is_paused_and_looked_through_again(site: Site, browser: Browser) -> None:
    """By the button of its picture, without any script."""
    await browser.get("/")
    assert (await browser.post("/live/hall/pause", paused="true")).status == 303
    page = (await browser.get("/")).text
    assert site.server.house.cameras() == {"hall": False}
    assert "This camera is paused" in page
    assert "still.jpg" not in page
    await browser.post("/live/hall/pause", paused="false")
    assert site.server.house.cameras() == {"hall": True}
