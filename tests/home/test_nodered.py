"""The documented flow in a real Node-RED, with the real uSense."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.home.nodered import HOST, NodeRed
from tests.home.parts import FLOW, Lab
from tests.peers.hall import PEOPLE, QUICK, Hall
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness, publish
from tests.support.portraits import jpeg, pose

pytestmark = [pytest.mark.home, pytest.mark.timeout(400)]


class Hook:
    """Whoever is told of unknown people."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen."""
        app = web.Application()
        app.router.add_post("/unknown", self._hear)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        self.url = f"http://{HOST}:{runner.addresses[0][1]}/unknown"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _hear(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        return web.Response()


def fitted(port: int, hook: str) -> list[dict[str, Any]]:
    """The flow with what a user changes: the broker, the name, whom to tell; what is debugged goes to the log."""
    flow: list[dict[str, Any]] = json.loads(FLOW.read_text("utf-8"))
    changes = {"mqtt-broker": {"port": str(port)}, "http request": {"url": hook}, "debug": {"console": "true"}}
    for node in flow:
        node.update(changes.get(node["type"], {}))
        for rule in node.get("rules", []):
            if rule.get("v") == "Anna":
                rule["v"] = "Grace"
    return flow


async def test_the_flow_greets_notes_tells_and_asks(tmp_path: Path, lab: Lab, mosquitto: Mosquitto) -> None:
    """Grace is greeted once, somebody unknown is told, what is late is set aside, and commands get their replies."""
    hall, hook, port = Hall(), Hook(), mosquitto.port
    folder = tmp_path / "photos" / "Grace"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg(pose(PEOPLE["Grace"], number)))
    async with hook.serving(), hall, Witness(port) as witness:
        camera = {"kind": "stream", "url": hall.url}
        service = Service(tmp_path / "s", port, {"hall": camera}, **QUICK)
        await service.done("enroll", "Grace", str(folder))
        async with NodeRed(tmp_path / "node-red", lab.node_red, fitted(port, hook.url)) as node_red, service:
            hall.seen = "Grace"
            await node_red.until(lambda: node_red.logged("Welcome home, Grace!"))
            hall.seen = "Eileen"
            await node_red.until(lambda: node_red.logged("[debug:unknown]"))
            hall.seen = None

            told = witness.of("usense/identity")[0].json
            late = {**told, "event_id": "late", "expires_at": "2026-01-01T00:00:00.000Z"}
            await publish(port, "usense/identity", json.dumps(late))
            await node_red.until(lambda: node_red.logged("[debug:too late]"))
            await publish(port, "usense/identity", json.dumps({**told, "name": "Bea"}))

            await node_red.press("usense-pause")
            await witness.until(lambda: witness.of("usense/camera/hall/paused")[-1].text == "ON")
            await node_red.press("usense-go")
            await witness.until(lambda: witness.of("usense/camera/hall/paused")[-1].text == "OFF")
            await node_red.press("usense-train")
            await node_red.until(lambda: sum("[debug:done]" in line for line in node_red.log) == 3)
            await service.kill()

    recognized = [one.json["event_id"] for one in witness.of("usense/identity") if one.json["name"] == "Grace"]
    assert sum("Welcome home" in line for line in node_red.log) == len(set(recognized)) - 1 == 1
    assert {one["name"] for one in hook.told} == {None}
    assert len((node_red.folder / "usense-seen.log").read_text("utf-8").splitlines()) == 1
    assert not node_red.logged("[debug:refused]")
