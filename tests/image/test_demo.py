"""`usense demo` in the container, seen from outside."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import pytest

from tests.peers.container import IMAGE, SHUT_OFF, Engine
from tests.peers.witness import Witness
from tests.support.site import Browser
from uSense.demo.portraits import EILEEN, GRACE

pytestmark = [pytest.mark.image, pytest.mark.timeout(240)]


async def test_the_demo_is_seen_outside(podman: Engine) -> None:
    """Shut off from all but the network, in 20 s it recognizes both people; a client and a browser are told so."""
    arguments = ("run", "--rm", *SHUT_OFF, "--network", "host", "--no-healthcheck", IMAGE, "demo", "--seconds", "20")
    process = await podman.start(*arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    assert process.stdout is not None
    said: list[str] = []
    port = None
    async for line in process.stdout:
        said.append(line.decode())
        if port := re.search(r"MQTT broker: mosquitto at 127\.0\.0\.1:(\d+)", said[-1]):
            break
    assert port, said
    async with Witness(int(port[1]), "usense/#") as witness:
        pages = None
        while not pages:
            said.append((await process.stdout.readline()).decode())
            assert said[-1], said
            pages = re.search(r"browser: (http://\S+) with the password (\S+)", said[-1])
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            browser = Browser(session, pages[1])
            assert (await browser.log_in(pages[2])).status == 303
            assert "room" in (await browser.get("/")).text
        rest = await process.stdout.read()
        assert await process.wait() == 0, "".join(said) + rest.decode()
        named = [one.json["name"] for one in witness.of("usense/identity")]
        assert {GRACE.name, EILEEN.name} <= set(named)
        assert set(named) <= {GRACE.name, EILEEN.name, None}
