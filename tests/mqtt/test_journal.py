"""A thousand decided sightings over ten broken connections: each is acknowledged, in order, and duplicates say so."""

from __future__ import annotations

from itertools import count, pairwise

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Seen, Witness
from tests.support.mqtt import connected, make, running, settled, sighting
from tests.support.waiting import until
from uSense.mqtt import Mqtt, MqttSettings

BREAKS = ("kill", "freeze", "stop", "kill", "freeze", "freeze", "stop", "kill", "freeze", "kill")
EACH = 50
"""Sightings before and during each break."""


class Story:
    """One service, one broker, and a witness that subscribes again after each break."""

    def __init__(self, broker: Mosquitto, mqtt: Mqtt) -> None:
        self.seen: list[Seen] = []
        self._broker = broker
        self._mqtt = mqtt
        self._numbers = count()

    def decide(self) -> None:
        """Some people are seen."""
        for _ in range(EACH):
            self._mqtt.post(sighting(next(self._numbers)))

    async def frozen(self) -> None:
        """The broker stands still in the middle of the stream; afterwards it reads what was sent to it before."""
        self._broker.freeze()
        self.decide()
        await until(lambda: self._mqtt.problem)
        self._broker.thaw()
        await settled(self._mqtt)

    async def restarted(self, how: str) -> None:
        """The broker dies in the middle of the stream and comes back empty."""
        getattr(self._broker, how)()
        self.decide()
        await until(lambda: self._mqtt.problem)
        self._broker.start()

    async def run(self) -> None:
        """Break after break."""
        breaks = iter(BREAKS)
        how = next(breaks, None)
        while how is not None:
            async with Witness(self._broker.port, "usense/identity/#") as witness:
                await settled(self._mqtt)
                while how is not None:
                    before = len(witness.of("usense/identity"))
                    self.decide()
                    await witness.next("usense/identity", before + EACH // 5)
                    this, how = how, next(breaks, None)
                    if this != "freeze":
                        await self.restarted(this)
                        break
                    await self.frozen()
            self.seen += witness.seen
        async with Witness(self._broker.port, "usense/identity/#") as witness:
            await settled(self._mqtt)
        self.seen += witness.seen


@pytest.mark.slow
async def test_a_thousand_sightings_survive_ten_broken_connections(mosquitto: Mosquitto) -> None:
    """Every sighting is acknowledged, by `seq`; who subscribes again sees duplicates only with the same `event_id`."""
    mqtt = make(MqttSettings(port=mosquitto.port, timeout=0.5, identity_lifetime=None), pause=0.2)
    story = Story(mosquitto, mqtt)
    async with running(mqtt):
        await connected(mqtt)
        await story.run()
        counters = mqtt.counters()

    identities = [message.json for message in story.seen if message.topic == "usense/identity"]
    live = [message.json["event_id"] for message in story.seen if message.topic == "usense/identity/live"]
    total = 2 * EACH * len(BREAKS)
    assert counters["reconnects"] >= len(BREAKS)
    assert (counters["events_dropped"], counters["events_expired"]) == (0, 0)
    assert counters["acknowledged"] >= total == 1000
    await until(lambda: sum("Sending PUBACK to usense-hall-pi" in line for line in list(mosquitto.log)) >= total)
    assert all(earlier["seq"] <= later["seq"] for earlier, later in pairwise(identities))
    assert len({one["event_id"] for one in identities}) == len({one["seq"] for one in identities}) >= total // 2
    assert len(live) == len(set(live))
