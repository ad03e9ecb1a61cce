"""What a house with people in it puts on the broker in an hour.

    python benchmarks/quiet.py [--people N] [--minutes N] [--seed N] [--json]
    python benchmarks/quiet.py --plays N [--people N] [--minutes N]

People stand before a camera for an hour of virtual time and do what people do: look ahead, turn away for seconds, hide
their faces, blur (tests/support/household.py says how much). Scene, rules, presence and session are the real ones, with
their defaults; everything they tell, and health every half minute, goes to a real mosquitto; the bytes
of the connection are counted, those that the service listens to included. `--plays` counts what N other plays tell.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness
from tests.support.household import STEP, Household, crowd
from tests.support.mqtt import connected, make, running, settled
from uSense.core.events import Event, Notice, Sighting, State
from uSense.core.stats import Stats
from uSense.health import Health
from uSense.mqtt import MqttSettings

HEALTH_EVERY = 30.0
NAMES = ("Anna", "Bea", "Cem", "Dora", "Emil", "Fay")


class Meter:
    """A door to the broker that counts the bytes a client sends and receives; as a context, its port."""

    def __init__(self, port: int) -> None:
        self.sent = self.received = 0
        self._port = port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._carry(reader, far_writer, "sent"))
            group.create_task(self._carry(far_reader, writer, "received"))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counter: str) -> None:
        while data := await reader.read(65536):
            setattr(self, counter, getattr(self, counter) + len(data))
            writer.write(data)
            await writer.drain()
        writer.close()


async def played(people: int, minutes: float, seed: int) -> list[Event]:
    """Everything that the house tells, in order."""
    house = Household(crowd(NAMES[:people], seed))
    enrolled = [{"person_id": name, "name": name} for name in NAMES[:people]]
    house.attending.hear(State("people", enrolled))
    await house.attending.begin()
    house.pass_time(minutes * 60)
    health = Health(Stats(), dict, dict)
    reports: list[Event] = [State("health", health.report()) for _ in range(int(minutes * 60 / HEALTH_EVERY))]
    return [event for _, event in house.told] + reports


def fresh(event: Event) -> Event:
    """The event as of now, so that it is sent."""
    return replace(event, stamp=time.monotonic(), captured_at=time.time()) if isinstance(event, Sighting) else event


async def measured(events: list[Event]) -> dict[str, Any]:
    """Messages by kind, and the bytes that the broker received for all of them."""
    with TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        async with Meter(broker.port) as meter, Witness(broker.port, "usense/#") as witness:
            mqtt = make(MqttSettings(port=meter.port, identity_lifetime=None))
            async with running(mqtt):
                await connected(mqtt)
                await settled(mqtt)
                before = meter.sent, meter.received
                for event in events:
                    mqtt.post(fresh(event))
                    await settled(mqtt)
                sent, received = meter.sent - before[0], meter.received - before[1]
                mqtt.post(Notice("end", {}))
                await witness.until(lambda: any('"type":"end"' in one.text for one in witness.of("usense/event")))
                told = [one for one in witness.seen if one.topic != "usense/status" and '"type":"end"' not in one.text]
    kinds = Counter(kind(one.topic, one.json if one.topic.endswith("event") else {}) for one in told)
    figures = {"bytes_sent": sent, "bytes_received": received, "messages": sum(kinds.values())}
    return {**figures, "by_kind": dict(sorted(kinds.items()))}


def kind(topic: str, content: Any) -> str:
    """The topic without the person, or the type of an event."""
    parts = topic.removeprefix("usense/").split("/")
    return str(
        content.get("type")
        or "/".join("<id>" if parts[0] == "presence" and at else one for at, one in enumerate(parts))
    )


def counted(plays: int, people: int, minutes: float) -> dict[str, int]:
    """What other plays tell of people, without a broker: sightings and events by type."""
    told: Counter[str] = Counter()
    for seed in range(plays):
        for event in asyncio.run(played(people, minutes, seed)):
            if isinstance(event, Sighting | Notice):
                told[str(event.type)] += 1
    return dict(sorted(told.items()))


def main() -> int:
    """Play, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plays", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.plays:
        print(f"{asked.plays} plays: {json.dumps(counted(asked.plays, asked.people, asked.minutes))}")
        return 0
    events = asyncio.run(played(asked.people, asked.minutes, asked.seed))
    figures = asyncio.run(measured(events))
    looks = int(asked.minutes * 60 / STEP)
    figures |= {"people": asked.people, "minutes": asked.minutes, "looks": looks}
    figures["identities"] = sum(isinstance(event, Sighting) for event in events)
    figures["notices"] = sum(isinstance(event, Notice) for event in events)
    if asked.json:
        json.dump(figures, sys.stdout)
        return 0
    print(f"{asked.people} people, {asked.minutes:g} minutes, {looks} pictures looked at")
    for name, count in figures["by_kind"].items():
        print(f"  {count:5}  {name}")
    sent, received = figures["bytes_sent"], figures["bytes_received"]
    print(f"{figures['messages']} messages; {sent} bytes sent, {received} received")
    return 0


if __name__ == "__main__":
    sys.exit(main())
