"""How Home Assistant is asked: REST, its WebSocket, and the forms by which a user sets it up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

OWNER = {"name": "owner", "username": "owner", "password": "owner-password", "language": "en"}


@dataclass
class Rest:
    """The REST API of one running Home Assistant."""

    session: aiohttp.ClientSession
    url: str
    token: str = ""

    async def onboard(self) -> None:
        """Make the owner and get a token that outlives restarts."""
        here = f"{self.url}/"
        made = await self.post("/api/onboarding/users", {"client_id": here, **OWNER})
        form = {"grant_type": "authorization_code", "code": made["auth_code"], "client_id": here}
        async with self.session.post(f"{self.url}/auth/token", data=form) as answer:
            self.token = (await answer.json())["access_token"]
        async with self.session.ws_connect(f"{self.url}/api/websocket") as channel:
            socket = Socket(channel)
            await socket.login(self.token)
            self.token = await socket.first("auth/long_lived_access_token", client_name="lab", lifespan=30)

    async def listen(self) -> Socket:
        """A WebSocket that is logged in; its `events` must be read for its answers to come."""
        socket = Socket(await self.session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0))
        await socket.login(self.token)
        return socket

    async def get(self, path: str) -> Any:
        """Answer of a GET; AssertionError if it is refused."""
        return await self._ask("GET", path)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Answer of a POST; AssertionError if it is refused."""
        return await self._ask("POST", path, json=body)

    async def fetch(self, path: str) -> tuple[str, bytes]:
        """Content type and bytes of a file."""
        async with self.session.get(self.url + path, headers=self._headers) as answer:
            assert answer.status == 200, f"GET {path}: {answer.status}"
            return answer.content_type, await answer.read()

    async def add_mqtt(self, port: int) -> None:
        """Go through the form of the MQTT integration, which asks for more since 2026."""
        flow = await self.post("/api/config/config_entries/flow", {"handler": "mqtt", "show_advanced_options": True})
        data: dict[str, Any] = {"broker": "127.0.0.1", "port": port}
        if any(one["name"] == "other_settings" for one in flow["data_schema"]):
            data["protocol"] = "5"
            data["other_settings"] = {"set_client_cert": False, "set_ca_cert": "off", "transport": "tcp"}
        done = await self.post(f"/api/config/config_entries/flow/{flow['flow_id']}", data)
        assert done["type"] == "create_entry", done

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def _ask(self, method: str, path: str, **body: Any) -> Any:
        async with self.session.request(method, self.url + path, headers=self._headers, **body) as answer:
            text = await answer.text()
            assert answer.status < 400, f"{method} {path}: {answer.status} {text[:500]}"
            return await answer.json()


class Socket:
    """The WebSocket API: commands with an answer each, and events."""

    def __init__(self, channel: aiohttp.ClientWebSocketResponse) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def login(self, token: str) -> None:
        """Show the token."""
        assert (await self._channel.receive_json())["type"] == "auth_required"
        await self._channel.send_json({"type": "auth", "access_token": token})
        answer = await self._channel.receive_json()
        assert answer["type"] == "auth_ok", answer

    async def ask(self, kind: str, **data: Any) -> Any:
        """Result of a command, which comes while somebody reads `events`."""
        number = next(self._numbers)
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        await self._channel.send_json({"id": number, "type": kind, **data})
        return await asyncio.wait_for(answer, 60)

    async def first(self, kind: str, **data: Any) -> Any:
        """Result of a command when nobody reads `events` and nothing happens meanwhile."""
        await self._channel.send_json({"id": next(self._numbers), "type": kind, **data})
        answer = await self._channel.receive_json()
        assert answer["success"], answer
        return answer["result"]

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What happens, until the connection ends."""
        async for message in self._channel:
            told = message.json()
            if told["type"] == "event":
                yield told["event"]
            elif told["type"] == "result":
                self._answer(told)
        for answer in self._waiting.values():
            answer.cancel()

    def _answer(self, told: Mapping[str, Any]) -> None:
        answer = self._waiting.pop(told["id"])
        if told["success"]:
            answer.set_result(told["result"])
        else:
            answer.set_exception(AssertionError(told["error"]))
