"""What strangers put into the properties of MQTT 5 does not break the connection."""

from __future__ import annotations

import pytest

from tests.mqtt.test_dispatch import COMMANDS, House
from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness, publish
from tests.support.mqtt import connected, make, running
from uSense.mqtt import MqttSettings

MARK = "\ufeff"
"""A sign that brokers pass on, and paho takes for a malformed packet."""


@pytest.mark.parametrize(
    "property_", [("user-property", MARK, "x"), ("user-property", "x", MARK), ("content-type", MARK)], ids=repr
)
async def test_no_text_of_a_request_locks_the_service_out(mosquitto: Mosquitto, property_: tuple[str, ...]) -> None:
    """A request kept at the broker with a byte order mark in its properties is ignored like others, for good."""
    odd = ("-D", "publish", *property_)
    await publish(mosquitto.port, "usense/command/train", "{}", *odd, "-r")
    mqtt = make(MqttSettings(port=mosquitto.port, protocol="5"))
    async with Witness(mosquitto.port, "usense/response/#") as witness, running(mqtt, COMMANDS, House()):
        await connected(mqtt)
        await publish(mosquitto.port, "usense/command/train", '{"transaction": "a"}', *odd)
        reply = (await witness.next("usense/response/train", 1)).json
        counters = mqtt.counters()

    assert reply == {"status": "ok", "data": {"gallery": 1}, "transaction": "a"}
    assert counters["reconnects"] == 0
