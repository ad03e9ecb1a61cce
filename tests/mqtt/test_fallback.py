"""A broker that knows MQTT 3.1.1 only."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from tests.peers.amqtt import Amqtt
from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness
from tests.support.mqtt import connected, make, running, settled, sighting
from tests.support.ports import free_port
from tests.support.waiting import until
from uSense.core.events import State
from uSense.mqtt import MqttSettings


async def test_an_older_broker_is_spoken_to_in_its_version() -> None:
    """Refused with MQTT 5, uSense goes on with 3.1.1 at once and without a warning."""
    with Amqtt() as broker, capture_logs() as logs:
        async with Witness(broker.port, "usense/#", version="311") as witness:
            async with running(make(MqttSettings(port=broker.port))) as mqtt:
                await connected(mqtt)
                mqtt.post(State("people", []))
                mqtt.post(sighting(1))
                await witness.next("usense/identity/name")
                await settled(mqtt)
            await witness.next("usense/status", 2)

    assert witness.of("usense/identity")[0].json["seq"] == 1
    assert [(line["event"], line["mqtt"]) for line in logs] == [("connected", "3.1.1")]


async def test_a_version_that_was_asked_for_is_not_changed() -> None:
    """With `protocol: 5` a broker that refuses it is a problem that names the setting."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x01")  # CONNACK of 3.1.1: unacceptable protocol version
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", free_port()) as server:
        port = server.sockets[0].getsockname()[1]
        async with running(make(MqttSettings(port=port, protocol="5"))) as mqtt:
            await until(lambda: mqtt.problem)

            assert mqtt.problem == f"the broker at {mqtt} does not know this version of MQTT; set mqtt.protocol"


async def test_a_refused_subscription_is_reported() -> None:
    """A broker that does not let us hear commands is a problem; what we have to tell is told all the same."""
    with Amqtt(deaf=True) as broker:
        mqtt = make(MqttSettings(port=broker.port))
        async with running(mqtt):
            await connected(mqtt)
            mqtt.post(sighting(1))
            await settled(mqtt)

            assert "does not let a client without user name read usense/command/#" in str(mqtt.problem)
            assert mqtt.counters()["acknowledged"] == 2


async def test_a_broker_that_became_an_older_one_is_asked_again(mosquitto: Mosquitto) -> None:
    """After a failed attempt the version is asked for again, so an exchanged broker is understood."""
    mqtt = make(MqttSettings(port=mosquitto.port, timeout=0.5))
    async with running(mqtt):
        await connected(mqtt)
        mosquitto.kill()
        await until(lambda: mqtt.problem)
        with Amqtt(port=mosquitto.port) as older:
            async with Witness(older.port, "usense/#", version="311") as witness:
                assert (await witness.next("usense/status")).text == "online"
