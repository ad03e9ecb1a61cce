from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
import pytest

from tests.peers.mosquitto import Mosquitto
from uSense.demo import client
from uSense.demo.client import Client, Received
from uSense.demo.errors import DemoError


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"online", "online"),
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b"", ""),
        ("Zo\u00eb".encode(), "Zo\u00eb"),
        (b"\xff\xd8\xff\xe0", None),
    ],
)
def test_decode(payload: bytes, value: object) -> None:
    """A payload is shown as JSON or as text; binary ones are left out."""
    received = client.decode("a", payload, retain=False)
    assert received == (None if value is None else Received("a", value, retain=False))


async def _listen(listener: Client, heard: list[Received]) -> None:
    async for received in listener.messages():
        heard.append(received)  # noqa: PERF401 - others read it meanwhile


@asynccontextmanager
async def _listening(port: int, heard: list[Received]) -> AsyncIterator[Client]:
    async with client.connected(port) as listener, asyncio.TaskGroup() as group:
        task = group.create_task(_listen(listener, heard))
        yield listener
        task.cancel()


@asynccontextmanager
async def _service(port: int) -> AsyncIterator[aiomqtt.Client]:
    """Somebody who answers commands: with an error those that ask for nothing."""
    async with aiomqtt.Client("127.0.0.1", port) as mqtt, asyncio.TaskGroup() as group:
        await mqtt.subscribe("usense/command/#")

        async def answer() -> None:
            async for message in mqtt.messages:
                request = json.loads(bytes(message.payload))
                transaction = request.pop("transaction")
                reply = (
                    {"status": "ok", "data": request} if request else {"status": "error", "error": {"message": "No."}}
                )
                topic = message.topic.value.replace("command", "response")
                for each in ({**reply, "transaction": "somebody else's"}, {**reply, "transaction": transaction}):
                    await mqtt.publish(topic, json.dumps(each))

        task = group.create_task(answer())
        yield mqtt
        task.cancel()


async def test_hears_everything(mosquitto: Mosquitto) -> None:
    """It hears retained and new messages of all topics, not the commands, and nothing binary."""
    heard: list[Received] = []
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as other:
        await other.publish("usense/status", "online", qos=1, retain=True)
        async with _listening(mosquitto.port, heard) as listener, asyncio.timeout(30):
            await listener.until(lambda got: got.topic == "usense/status")
            await other.publish("usense/command/train", "{}", qos=1)
            await other.publish("usense/camera/a/snapshot", b"\xff\xd8", qos=1)
            await other.publish("usense/event", '{"type": "x"}', qos=1)
            await listener.until(lambda got: got.topic == "usense/event")
    assert heard == [
        Received("usense/status", "online", retain=True),
        Received("usense/event", {"type": "x"}, retain=False),
    ]


async def test_request(mosquitto: Mosquitto) -> None:
    """A request gets the data of its own reply, and an error if it was refused."""
    async with _service(mosquitto.port), _listening(mosquitto.port, []) as listener:
        both = await asyncio.gather(listener.request("train", {"n": 1}), listener.request("train", {"n": 2}))
        assert list(both) == [{"n": 1}, {"n": 2}]
        with pytest.raises(DemoError, match=r"face/add was refused: No\."):
            await listener.request("face/add", {})


async def test_no_answer(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that nobody answers ends with an error."""
    monkeypatch.setattr(client, "ANSWER_WITHIN", 0.05)
    async with _listening(mosquitto.port, []) as listener:
        with pytest.raises(DemoError, match="no answer to the command train"):
            await listener.request("train", {})


async def test_broker_lost(mosquitto: Mosquitto) -> None:
    """The end of the broker ends the listening with an error in plain words."""
    async with client.connected(mosquitto.port) as listener:
        mosquitto.kill()
        with pytest.raises(DemoError, match="lost the broker"):
            await anext(listener.messages())


async def test_no_broker(mosquitto: Mosquitto) -> None:
    """Without a broker there is an error in plain words."""
    mosquitto.kill()
    with pytest.raises(DemoError, match="cannot talk to the broker"):
        await client.connected(mosquitto.port).__aenter__()
