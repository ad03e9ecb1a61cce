"""An MQTT client that knows nothing of uSense but its topics: it hears everything and may ask for something.

It speaks MQTT 3.1.1, as the plainest clients do, on a connection of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiomqtt

from uSense.demo.broker import LOOPBACK
from uSense.demo.errors import DemoError

PREFIX = "usense"
ANSWER_WITHIN = 60.0
BACKLOG = 10_000
"""Messages that may wait to be read; aiomqtt drops the newest above it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came: the payload is a JSON value, or the text if it is not JSON."""

    topic: str
    payload: Any
    retain: bool


Wanted: TypeAlias = Callable[[Received], bool]


def decode(topic: str, payload: bytes, *, retain: bool) -> Received | None:
    """The message, or None if its payload is binary."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    try:
        return Received(topic, json.loads(text), retain)
    except ValueError:
        return Received(topic, text, retain)


class Client:
    """`messages` must be read all the time: it also feeds those who wait in `until` and `request`."""

    def __init__(self, mqtt: aiomqtt.Client) -> None:
        self._mqtt = mqtt
        self._last: dict[str, Received] = {}
        self._waiting: list[tuple[Wanted, asyncio.Future[Received]]] = []
        self._numbers = itertools.count(1)

    async def messages(self) -> AsyncIterator[Received]:
        """All messages but binary ones and the commands, which the demo itself sends."""
        try:
            async for message in self._mqtt.messages:
                topic = message.topic.value
                received = decode(topic, bytes(message.payload), retain=message.retain)
                if received and not topic.startswith(f"{PREFIX}/command/"):
                    self._feed(received)
                    yield received
        except aiomqtt.MqttError as error:
            raise DemoError(f"the demo's client lost the broker: {error}") from error

    async def until(self, wanted: Wanted) -> Received:
        """The first message that is wanted; the last one of each topic counts, too."""
        for received in self._last.values():
            if wanted(received):
                return received
        arrival: asyncio.Future[Received] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, arrival))
        return await arrival

    async def request(self, command: str, payload: Mapping[str, Any]) -> Any:
        """Send a command and return the data of its reply; DemoError if it was refused or not answered."""
        transaction = f"demo-{next(self._numbers)}"
        body = json.dumps({**payload, "transaction": transaction})
        topic = f"{PREFIX}/response/{command}"
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._mqtt.publish(f"{PREFIX}/command/{command}", body, qos=1)
                reply = await self.until(lambda got: got.topic == topic and _transaction(got) == transaction)
        except TimeoutError:
            raise DemoError(f"no answer to the command {command} within {ANSWER_WITHIN:.0f} s") from None
        except aiomqtt.MqttError as error:
            raise DemoError(f"the command {command} could not be sent: {error}") from error
        if reply.payload["status"] != "ok":
            raise DemoError(f"the command {command} was refused: {reply.payload['error']['message']}")
        return reply.payload["data"]

    def _feed(self, received: Received) -> None:
        self._last[received.topic] = received
        for wanted, arrival in self._waiting:
            if not arrival.done() and wanted(received):
                arrival.set_result(received)
        self._waiting = [(wanted, arrival) for wanted, arrival in self._waiting if not arrival.done()]


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A client that hears all of uSense at the broker on this port of 127.0.0.1."""
    try:
        async with aiomqtt.Client(LOOPBACK, port, max_queued_incoming_messages=BACKLOG) as mqtt:
            await mqtt.subscribe(f"{PREFIX}/#", qos=1)
            yield Client(mqtt)
    except aiomqtt.MqttError as error:
        raise DemoError(f"the demo's client cannot talk to the broker: {error}") from error


def _transaction(received: Received) -> Any:
    return received.payload.get("transaction") if isinstance(received.payload, dict) else None
