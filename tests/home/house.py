"""A household: a broker, Home Assistant, a camera whose pictures the test chooses, and the real uSense."""

from __future__ import annotations

import json
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image

from tests.home.hass import HomeAssistant
from tests.home.parts import BLUEPRINTS, Lab
from tests.peers.hall import PEOPLE, QUICK, Hall
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness, publish
from tests.support.portraits import pose


class House:
    """Everything together; `async with` it. Grace is enrolled, Eileen is not."""

    def __init__(self, folder: Path, lab: Lab, *, configuration: str = "", **settings: Any) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder / "broker")
        self.hall = Hall()
        self.hass = HomeAssistant(folder / "home-assistant", lab.python, BLUEPRINTS, configuration)
        self.witness = Witness(self.broker.port)
        self._settings = {**QUICK, "discovery": {"format": lab.style}, **settings}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.broker)
            await stack.enter_async_context(self.witness)
            await stack.enter_async_context(self.hall)
            await stack.enter_async_context(self.hass)
            await self.hass.use_broker(self.broker.port)
            camera = {"kind": "stream", "url": self.hall.url, "read_timeout": 1, "open_timeout": 2}
            self.service = Service(self.folder / "service", self.broker.port, {"hall": camera}, **self._settings)
            self.service.settings["mqtt"]["snapshots"] = True
            await self.enroll("Grace")
            await stack.enter_async_context(self.service)
            await self.service.until_logged('"connected"')  # before that nobody hears a command
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def enroll(self, name: str) -> None:
        """Enroll somebody from three photos, with the command line."""
        folder = self.folder / "photos" / name
        folder.mkdir(parents=True)
        for number in range(3):
            Image.fromarray(pose(PEOPLE[name], number)).save(folder / f"{number}.png")
        await self.service.done("enroll", name, str(folder))

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Data of the reply to a command."""
        transaction = secrets.token_hex(4)
        request = json.dumps({**arguments, "transaction": transaction})
        await publish(self.broker.port, f"usense/command/{command}", request)

        def reply() -> list[dict[str, Any]]:
            told = [one.json for one in self.witness.of(f"usense/response/{command}")]
            return [one for one in told if one.get("transaction") == transaction]

        await self.witness.until(lambda: bool(reply()), 60)
        assert reply()[0]["status"] == "ok", reply()
        return reply()[0]["data"]

    def recognitions(self) -> list[str]:
        """Event ids told at the moment of decision."""
        return [one.json["event_id"] for one in self.witness.of("usense/identity/live")]
