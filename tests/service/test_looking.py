"""The broker is killed and the camera dies while somebody looks at the pages of the real service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.browser.house import House
from tests.peers.household import Household
from tests.support.site import Browser

pytestmark = [pytest.mark.proof, pytest.mark.timeout(180)]
_PATIENCE = 60


async def _told(socket: aiohttp.ClientWebSocketResponse, key: str) -> dict[str, Any]:
    """The next text of a live view that has this key, past any pictures."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            message = await socket.receive()
            assert message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}, message
            if message.type is aiohttp.WSMsgType.TEXT and key in (told := json.loads(message.data)):
                return dict(told)


async def _heard(events: aiohttp.ClientResponse, text: str) -> None:
    """Read server-sent events up to one with this text."""
    async with asyncio.timeout(_PATIENCE):
        while text.encode() not in await events.content.readline():
            pass


async def test_pages_need_neither_broker_nor_camera(tmp_path: Path, household: Household) -> None:
    """They tell who is seen without the broker, say what is wrong with the camera, and go on when it is back."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        House(tmp_path, household, "Grace") as house,
        aiohttp.ClientSession(cookie_jar=jar, read_bufsize=2**20) as session,
    ):
        browser = Browser(session, house.origin)
        assert (await browser.log_in(house.password)).status == 303
        async with (
            session.get(f"{house.origin}/api/v1/events?kinds=sighting") as events,
            session.ws_connect(f"{house.origin}/live/hall") as socket,
        ):
            await _told(socket, "faces")
            house.broker.kill()
            house.hall.seen = "Grace"
            await _heard(events, '"name":"Grace"')
            assert "Grace" in (await browser.get("/")).text

            house.hall.status = 500
            house.hall.drop_clients()
            assert "hall" in (await _told(socket, "problem"))["problem"]
            assert (await browser.get("/")).status == (await browser.get("/insight")).status == 200
            still = await browser.send("GET", "/live/hall/still.jpg")
            assert still.status == 409, still.text

            house.hall.status = 200
            assert "at" in await _told(socket, "faces")
            house.broker.start()
            await house.service.until_logged("connected")
    assert not house.service.logged("Traceback")
