"""What becomes of sightings on their way: expiry, live or not, and when there are too many."""

from __future__ import annotations

import asyncio
import math

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness
from tests.support.mqtt import connected, make, running, settled, sighting
from tests.support.ports import free_port
from tests.support.waiting import until
from uSense.entities import Message
from uSense.mqtt import MqttSettings
from uSense.mqtt.link import Link


async def test_the_remaining_lifetime_goes_to_the_broker(mosquitto: Mosquitto) -> None:
    """MQTT 5's expiry is what remains of the lifetime at sending; without a lifetime there is none."""
    for lifetime, age in ((100.0, 20.5), (None, 100.0)):
        mqtt = make(MqttSettings(port=mosquitto.port, identity_lifetime=lifetime))
        async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
            await connected(mqtt)
            one = sighting(1, age=age)
            mqtt.post(one)
            for topic in ("usense/identity", "usense/identity/live"):
                seen = await witness.next(topic)
                # The broker takes off the seconds that it had it.
                left = lifetime and range(math.floor(one.stamp + lifetime - seen.at[0]), math.ceil(lifetime - age) + 1)
                assert seen.expiry in left if left else seen.expiry is None


def test_a_lifetime_that_is_nearly_over_is_none_of_zero() -> None:
    """What remains is rounded up to whole seconds."""
    for left, expiry in ((0.1, 1), (7.5, 8)):
        packet = Link.__new__(Link)._properties(Message("usense/identity", b"", lifetime=left))

        assert vars(packet)["MessageExpiryInterval"] == expiry


async def test_what_is_too_old_is_never_told(mosquitto: Mosquitto) -> None:
    """Sightings that became too old while there was no broker are counted and not sent."""
    mqtt = make(MqttSettings(port=mosquitto.port, identity_lifetime=100.0))
    mqtt.post(sighting(1, age=101.0))
    mqtt.post(sighting(2, age=1.0))
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
        await witness.next("usense/identity")
        await settled(mqtt)

        assert [message.json["seq"] for message in witness.of("usense/identity")] == [2]
        assert mqtt.counters()["events_expired"] == 1


async def test_what_was_decided_without_a_broker_is_not_told_live(mosquitto: Mosquitto) -> None:
    """A sighting that had to wait arrives later on `identity`, and neither as `live` nor as `name`."""
    mqtt = make(MqttSettings(port=mosquitto.port, identity_lifetime=None))
    mqtt.post(sighting(1, "Anna"))
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
        await connected(mqtt)
        mqtt.post(sighting(2, "Bert"))
        await witness.next("usense/identity/name")
        await settled(mqtt)

        assert [message.json["seq"] for message in witness.of("usense/identity")] == [1, 2]
        assert [message.json["seq"] for message in witness.of("usense/identity/live")] == [2]
        assert [message.text for message in witness.of("usense/identity/name")] == ["Bert"]
        assert mqtt.counters()["live_skipped"] == 1


async def test_a_name_that_took_too_long_is_not_told_live(mosquitto: Mosquitto) -> None:
    """An identity whose picture is older than `announce_within` is told as such, never live or as name, and counted."""
    mqtt = make(MqttSettings(port=mosquitto.port, identity_lifetime=None))
    mqtt.announce_within = 50.0
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
        await connected(mqtt)
        mqtt.post(sighting(1, "Anna", age=50.5))
        mqtt.post(sighting(2, "Bert", age=1.0))
        await witness.next("usense/identity/name")
        await settled(mqtt)

        assert [message.json["seq"] for message in witness.of("usense/identity")] == [1, 2]
        assert [message.json["seq"] for message in witness.of("usense/identity/live")] == [2]
        assert [message.text for message in witness.of("usense/identity/name")] == ["Bert"]
        assert (mqtt.counters()["late"], mqtt.counters()["live_skipped"]) == (1, 1)


async def test_a_new_process_does_not_tell_what_an_old_one_saw(mosquitto: Mosquitto) -> None:
    """Sightings live in memory only: those of a killed service are never sent by its successor."""
    old = make(MqttSettings(port=free_port()))
    run = asyncio.create_task(old.run())
    old.post(sighting(1))
    await until(lambda: old.problem)
    run.cancel()
    await asyncio.wait((run,))
    new = make(MqttSettings(port=mosquitto.port))
    async with Witness(mosquitto.port, "usense/#") as witness, running(new):
        await connected(new)
        new.post(sighting(0, "Bert"))
        await witness.next("usense/identity")
        await settled(new)

        assert [message.json["name"] for message in witness.of("usense/identity")] == ["Bert"]


async def test_a_thousand_sightings_wait_and_no_more(mosquitto: Mosquitto) -> None:
    """Of 1,200 sightings without a broker the latest 1,000 arrive, in order, and 200 are counted."""
    mqtt = make(MqttSettings(port=mosquitto.port, identity_lifetime=None))
    for number in range(1200):
        mqtt.post(sighting(number))
    async with Witness(mosquitto.port, "usense/identity") as witness, running(mqtt):
        await witness.next("usense/identity", 1000)
        await settled(mqtt)

        assert [message.json["seq"] for message in witness.seen] == list(range(200, 1200))
        assert mqtt.counters()["events_dropped"] == 200


async def test_names_can_go_to_any_topic_or_none(mosquitto: Mosquitto) -> None:
    """The topic of bare names is a setting; empty switches it off."""
    for topic, expected in (("door/who", ["door/who"]), ("", [])):
        mqtt = make(MqttSettings(port=mosquitto.port, name_topic=topic))
        async with Witness(mosquitto.port, "#") as witness, running(mqtt):
            await connected(mqtt)
            mqtt.post(sighting(1, "Anna"))
            await witness.next("usense/identity/live")
            for name in expected:
                await witness.next(name)
            await settled(mqtt)
        async with Witness(mosquitto.port, "#") as later:
            await later.next("usense/status")

        assert [message.topic for message in witness.seen if message.payload == b"Anna"] == expected
