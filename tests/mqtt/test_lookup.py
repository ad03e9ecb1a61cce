"""Look-ups of host names that hang, fail and succeed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.support.mqtt import connected, make, running
from tests.support.waiting import until
from uSense.mqtt import MqttSettings
from uSense.mqtt.lookup import look_up


class Hanging:
    """A name server that does not answer until it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answer = threading.Event()

    def getaddrinfo(self, *_: object, **__: object) -> list[object]:
        """As that of `socket`."""
        self.asked.set()
        self.answer.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """In place of the system's look-up; leaves no thread behind."""
    server = Hanging()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.answer.set()
    for thread in threading.enumerate():
        if thread.name == "mqtt look-up":
            thread.join(10)


async def test_a_service_does_not_wait_for_a_hanging_look_up(hanging: Hanging) -> None:
    """The session ends at once, and nothing is left that the end of the process would wait for."""
    run = asyncio.create_task(make(MqttSettings(host="slow.home")).run())
    await until(hanging.asked.is_set)
    run.cancel()
    await asyncio.wait((run,))
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 30)

    (thread,) = [thread for thread in threading.enumerate() if thread.name == "mqtt look-up"]
    assert thread.daemon
    assert not hanging.answer.is_set()


async def test_a_late_answer_is_nobodys_trouble(hanging: Hanging) -> None:
    """An answer after the waiter left is dropped without a word."""
    looking = asyncio.create_task(look_up("slow.home", 1883))
    await until(hanging.asked.is_set)
    looking.cancel()
    await asyncio.wait((looking,))
    hanging.answer.set()
    await until(lambda: all(thread.name != "mqtt look-up" for thread in threading.enumerate()))

    assert looking.cancelled()


async def test_a_failing_look_up_is_an_error_of_the_waiter(hanging: Hanging) -> None:
    """What the system says is raised where it was asked."""
    hanging.answer.set()

    with pytest.raises(socket.gaierror, match="no answer"):
        await look_up("slow.home", 1883)


async def test_all_addresses_of_a_name_are_tried(mosquitto: Mosquitto) -> None:
    """The broker of this test listens on IPv4 only; the name may mean IPv6 too."""
    addresses = await look_up("localhost", mosquitto.port)

    assert ("127.0.0.1", mosquitto.port) in [address for *_, address in addresses]
    async with running(make(MqttSettings(host="localhost", port=mosquitto.port))) as mqtt:
        await connected(mqtt)
