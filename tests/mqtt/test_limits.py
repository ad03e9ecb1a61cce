"""Messages larger than a broker takes: said and counted, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from structlog.testing import capture_logs

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness, publish
from tests.support.mqtt import MemoryJournal, connected, make, running, settled, sighting
from tests.support.waiting import until
from uSense.commands.base import Command
from uSense.core.events import Notice, State
from uSense.entities import Message
from uSense.mqtt import MqttSettings
from uSense.mqtt.link import connect
from uSense.schema import Branch

Version = Literal["5", "3.1.1"]
VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])
HUGE = "x" * 6000


class Size(Branch):
    """How much is asked for."""

    size: int = 6000
    """Characters."""


async def listing(_: None, asked: Size) -> str:
    """As much as was asked for."""
    return "x" * asked.size


LISTS: tuple[Command[None, Any], ...] = (Command(name="list", payload=Size, run=listing),)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that takes 5,000 bytes at once."""
    with Mosquitto(tmp_path / "strict", extra="max_packet_size 5000") as broker:
        yield broker


@VERSIONS
async def test_what_the_broker_does_not_take_blocks_nothing(strict: Mosquitto, version: Version) -> None:
    """A state, a reply, a lasting notice and a sighting that are too large are counted and said once; the rest arrives.

    By MQTT 5 the broker tells its limit, so that the connection is not even broken.
    """
    journal = MemoryJournal()
    mqtt = make(MqttSettings(port=strict.port, protocol=version, identity_lifetime=None), journal, pause=0.0)
    mqtt.post(State("people", HUGE))
    mqtt.post(State("house", "small"))
    with capture_logs() as logs:
        async with Witness(strict.port, "usense/#") as witness, running(mqtt):
            await connected(mqtt)
            mqtt.post(Notice("large", {"text": HUGE}, lasting=True))
            mqtt.post(sighting(1, HUGE))
            mqtt.post(Notice("small", {}, lasting=True))
            mqtt.answer(Message("usense/response/large", HUGE.encode()))
            mqtt.answer(Message("usense/response/small", b"small"))
            mqtt.post(sighting(2))
            await witness.until(lambda: any(message.json["seq"] == 2 for message in witness.of("usense/identity")))
            await witness.until(lambda: any(message.json["type"] == "small" for message in witness.of("usense/event")))
            await witness.next("usense/response/small")
            await settled(mqtt)
            await witness.next("usense/response/large")
            problem, counters = mqtt.problem, mqtt.counters()

    assert problem is not None
    assert {message.text for message in witness.of("usense/house")} == {"small"}
    assert not any(HUGE in message.text for message in witness.seen)
    assert witness.of("usense/response/large")[-1].json["error"]["code"] == "too_large"
    assert journal.kept == {}
    assert "usense/people" in problem
    assert "max_packet_size" in problem
    warnings = [line["problem"] for line in logs if line["log_level"] == "warning"]
    assert len(warnings) == len(set(warnings))
    if version == "5":
        assert (counters["publishes_refused"], counters["reconnects"]) == (6, 0)
        assert "takes at most 5000 bytes" in problem
    else:
        assert counters["publishes_refused"] == 4
        assert "twice hung up on a message for usense/people, which is given up" in problem


async def test_the_limit_is_taken_exactly(strict: Mosquitto) -> None:
    """The largest message that the broker takes is sent, and one byte more is not."""
    settings = MqttSettings(port=strict.port)
    for qos, topic, correlation in ((0, "a", None), (1, "usense/é", None), (1, "a" * 200, b"12")):
        async with connect(settings, "exact", v5=True, will=None) as link:
            sizes = range(4500, 5100)
            messages = [Message(topic, b"x" * size, qos, lifetime=5, correlation=correlation) for size in sizes]
            refused = [await link.publish(message) for message in messages]
            largest = refused.index(next(filter(None, refused))) - 1
            assert await link.subscribe("nothing") is None

            assert all(refused[largest + 1 :])
            await until(partial(strict.logged, f"({sizes[largest]} bytes)"))
            assert not strict.logged("oversize")
            assert "(5001)" in str(refused[largest + 1])


@VERSIONS
async def test_a_state_that_fits_again_is_told(strict: Mosquitto, version: Version) -> None:
    """Once a broker takes more, what was refused or given up is sent again, and the problem is gone."""
    mqtt = make(MqttSettings(port=strict.port, protocol=version))
    mqtt.post(State("people", HUGE))
    async with running(mqtt):
        await connected(mqtt)
        await settled(mqtt)
        assert "usense/people" in str(mqtt.problem)
        strict.extra = ""
        strict.restart()
        async with Witness(strict.port, "usense/#") as witness:
            assert (await witness.next("usense/people")).text == HUGE
        await settled(mqtt)

        assert mqtt.problem is None


@VERSIONS
async def test_who_asks_for_too_much_is_told_so(strict: Mosquitto, version: Version) -> None:
    """In place of a reply that the broker does not take comes an error, with the transaction; the next one is whole."""
    mqtt = make(MqttSettings(port=strict.port, protocol=version))
    async with Witness(strict.port, "usense/response/#") as witness, running(mqtt, LISTS):
        await connected(mqtt)
        await publish(strict.port, "usense/command/list", '{"transaction": "k7"}')
        refused = (await witness.next("usense/response/list")).json
        await publish(strict.port, "usense/command/list", '{"size": 10, "transaction": "k8"}')
        taken = (await witness.next("usense/response/list", 2)).json

    assert (refused["status"], refused["error"]["code"], refused["transaction"]) == ("error", "too_large", "k7")
    assert "max_packet_size" in refused["error"]["message"]
    assert taken == {"status": "ok", "data": "x" * 10, "transaction": "k8"}


async def test_a_message_is_not_given_up_because_the_broker_dies(mosquitto: Mosquitto) -> None:
    """A broker that is killed while it owes an acknowledgment gets the message again, each time."""
    journal = MemoryJournal()
    mqtt = make(MqttSettings(port=mosquitto.port, timeout=20), journal)
    async with running(mqtt):
        for number in range(3):
            await connected(mqtt)
            await settled(mqtt)
            mosquitto.freeze()
            mqtt.post(Notice("erased", {"number": number}, lasting=True))
            await until(lambda: mqtt._outbox._sending)
            mosquitto.restart()
        async with Witness(mosquitto.port, "usense/event"):
            await settled(mqtt)

    assert journal.kept == {}
    assert mqtt.counters()["publishes_refused"] == 0
