"""The example of a page that takes the log-in by face, run for real."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from config.kiosk.example_app import App
from tests.support.mqtt import sighting
from tests.support.site import Site
from uSense.core.events import Assurance

HERE = "https://door.lan"


async def ask(app: App, path: str, token: str) -> tuple[int, str]:
    """What the page answers to somebody with this pass."""
    async with TestClient(TestServer(app.made())) as client:
        answer = await client.post(path, headers={"Authorization": f"Bearer {token}"})
        return answer.status, await answer.text()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """USense."""
    async with Site(tmp_path, password="") as site:
        yield site


async def test_a_face_is_greeted_and_opens_no_door(site: Site) -> None:
    """At most medium is what a camera alone can say."""
    app = App(site.server.origin, HERE, "usense/test")
    token, _ = await site.server.house.passes.sign(sighting(assurance=Assurance.HIGH), HERE)

    assert await ask(app, "/greeting", token) == (200, "Hello, Anna")
    status, text = await ask(app, "/door", token)
    assert status == 403
    assert text == "No, Anna: a face is not enough for this (assurance medium, liveness none)."


async def test_what_is_no_pass_for_it_is_not_believed(site: Site) -> None:
    """One for another page, of another uSense, with a changed word, or none."""
    signed = site.server.house.passes.sign
    good, _ = await signed(sighting(), HERE)
    other, _ = await signed(sighting(), "https://other.lan")
    head, body, mark = good.split(".")
    app = App(site.server.origin, HERE, "usense/test")
    for token in ("", "x", other, f"{head}.{body[:-2]}xx.{mark}", f"{head}.{body}."):
        status, text = await ask(app, "/greeting", token)
        assert (status, text.split(":")[0]) == (401, "Not believed")
    assert (await ask(App(site.server.origin, HERE, "usense/other"), "/greeting", good))[0] == 401


async def test_the_page_is_framed_by_usense_only(site: Site) -> None:
    """And takes passes from its pages only."""
    app = App(site.server.origin, HERE, "usense/test")
    async with TestClient(TestServer(app.made())) as client:
        page, script = await client.get("/"), await client.get("/app.js")
        assert page.headers["Content-Security-Policy"] == f"frame-ancestors {site.server.origin}"
        assert f'event.origin !== "{site.server.origin}"' in await script.text()


async def test_a_door_opens_for_what_is_sure() -> None:
    """Of a service that has checked more; what is out of date is refused."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k", "use": "sig", "alg": "ES256"}

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [public]})

    def token(**changes: Any) -> str:
        now = int(time.time())
        said = {"iss": "usense/x", "aud": HERE, "sub": "a", "name": "Anna", "assurance": "high", "liveness": "blink"}
        return jwt.encode({**said, "nbf": now, "exp": now + 60, **changes}, key, "ES256", {"kid": "k"})

    served = web.Application()
    served.router.add_get("/.well-known/jwks.json", keys)
    async with TestServer(served) as server:
        app = App(str(server.make_url("/")).rstrip("/"), HERE, "usense/x")
        assert await ask(app, "/door", token()) == (200, "The door is open, Anna")
        assert (await ask(app, "/door", token(exp=int(time.time()) - 9)))[0] == 401
        assert (await ask(app, "/greeting", token(sub=None)))[0] == 401
