"""One live uSense a prefix: looked for before the first connection, noticed later."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Literal

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness, publish
from tests.support.mqtt import connected, make, running, settled
from tests.support.waiting import until
from uSense.commands.base import Command, Line
from uSense.core.errors import BrokerError, InstanceError
from uSense.core.events import State
from uSense.mqtt import MqttSettings
from uSense.mqtt.rivals import require_alone
from uSense.schema import Branch

Version = Literal["5", "3.1.1"]


class Nothing(Branch):
    """No arguments."""


async def info(_: object, __: Nothing) -> dict[str, Any]:
    """What another service says of itself."""
    return {"instance": "attic", "cameras": ["roof"]}


INFO = (Command(name="info", payload=Nothing, run=info, line=Line.PROMPT),)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_live_service_is_found_and_not_disturbed(mosquitto: Mosquitto, version: Version) -> None:
    """It is named, and stays connected although the newcomer has the same instance and client id."""
    settings = MqttSettings(port=mosquitto.port, protocol=version)
    async with running(make(settings), INFO) as living:
        await connected(living)
        newcomer = make(settings)
        newcomer.first = partial(require_alone, settings)
        with pytest.raises(ExceptionGroup) as caught:
            await newcomer.run()
        assert living.counters()["reconnects"] == 0
        assert living.problem is None

    assert caught.group_contains(InstanceError, match="instance 'attic' with roof, is alive below the prefix 'usense'")


async def test_what_a_dead_service_left_locks_nobody_out(mosquitto: Mosquitto) -> None:
    """An `online` that the broker kept, but nobody stands for."""
    settings = MqttSettings(port=mosquitto.port)
    await publish(mosquitto.port, "usense/status", "online", "-r")
    mqtt = make(settings)
    mqtt.first = partial(require_alone, settings)
    async with running(mqtt):
        await connected(mqtt)


@pytest.mark.parametrize("kept", ["", "offline"])
async def test_a_quiet_broker_costs_no_waiting(mosquitto: Mosquitto, kept: str) -> None:
    """Nobody was there, or said goodbye."""
    if kept:
        await publish(mosquitto.port, "usense/status", kept, "-r")
    await require_alone(MqttSettings(port=mosquitto.port))


async def test_a_broker_that_is_away_is_asked_later(mosquitto: Mosquitto) -> None:
    """The look is taken at the first connection, whenever that is."""
    settings = MqttSettings(port=mosquitto.port)
    mosquitto.kill()
    with pytest.raises(BrokerError):
        await require_alone(settings)
    mqtt = make(settings)
    mqtt.first = partial(require_alone, settings)
    async with running(mqtt):
        await until(lambda: mqtt.problem)
        mosquitto.start()
        await connected(mqtt)


async def test_two_that_came_at_once_notice_each_other(mosquitto: Mosquitto) -> None:
    """It is a problem of both until one leaves; the one that stays says again that it is online."""
    settings = MqttSettings(port=mosquitto.port)
    mqtt = make(settings)
    mqtt.post(State("info", {"instance": "hall-pi", "cameras": []}))
    async with Witness(mosquitto.port) as witness, running(mqtt):
        await connected(mqtt)
        await settled(mqtt)
        await publish(mosquitto.port, "usense/info", json.dumps({"instance": "attic", "cameras": []}), "-r")
        await until(lambda: mqtt.problem)
        assert mqtt.problem is not None
        assert "instance 'attic', tells below the same prefix 'usense'" in mqtt.problem
        await publish(mosquitto.port, "usense/status", "offline", "-r")
        await witness.until(lambda: [one.text for one in witness.of("usense/status")][-2:] == ["offline", "online"])
        assert mqtt.problem is None


async def test_the_word_of_an_earlier_instance_is_no_rival(mosquitto: Mosquitto) -> None:
    """A retained `info` under another instance name is of the past."""
    await publish(mosquitto.port, "usense/info", json.dumps({"instance": "old", "cameras": []}), "-r")
    mqtt = make(MqttSettings(port=mosquitto.port))
    mqtt.post(State("info", {"instance": "hall-pi", "cameras": []}))
    async with running(mqtt):
        await connected(mqtt)
        await settled(mqtt)
        assert mqtt.problem is None
