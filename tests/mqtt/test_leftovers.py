"""What an earlier run left at the broker, and nothing else, is removed."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness, publish
from tests.support.mqtt import connected, make, running, settled
from uSense.core.events import State
from uSense.mqtt import Mqtt, MqttSettings
from uSense.mqtt.leftovers import left_behind

Version = Literal["5", "3.1.1"]
GONE = {f"usense/camera/door/{what}" for what in ("status", "paused", "people")}


def introduce(mqtt: Mqtt, instance: str, *cameras: str) -> Mqtt:
    """Post what the service says about itself and its cameras before it connects."""
    for camera in cameras:
        mqtt.post(State(f"camera/{camera}/status", "offline"))
        mqtt.post(State(f"camera/{camera}/paused", "OFF"))
        mqtt.post(State(f"camera/{camera}/people", {"count": 0}))
    mqtt.post(State("info", {"instance": instance, "cameras": list(cameras)}))
    return mqtt


async def retained(port: int) -> set[str]:
    """All topics of cameras that the broker keeps."""
    async with Witness(port, "usense/#") as late:
        await late.next("usense/status")
        await late.next("usense/info")
    return {message.topic.removeprefix("usense/camera/") for message in late.seen if "/camera/" in message.topic}


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_camera_that_is_no_more_leaves_the_broker(mosquitto: Mosquitto, version: Version) -> None:
    """The next run removes the topics of a camera that left the settings, and neither the others' nor a stranger's."""
    settings = MqttSettings(port=mosquitto.port, protocol=version)
    await publish(mosquitto.port, "usense/camera/attic/status", "online", "-r")
    async with running(introduce(make(settings), "hall-pi", "hall", "door")) as mqtt:
        await connected(mqtt)
        await settled(mqtt)
    before = await retained(mosquitto.port)
    async with (
        Witness(mosquitto.port, "usense/camera/#") as witness,
        running(introduce(make(settings), "hall-pi", "hall")) as mqtt,
    ):
        await connected(mqtt)
        await witness.until(lambda: {message.topic for message in witness.seen if not message.payload} == GONE)
        await settled(mqtt)

    hall = {"hall/status", "hall/paused", "hall/people"}
    assert before == hall | {"door/status", "door/paused", "door/people", "attic/status"}
    assert await retained(mosquitto.port) == hall | {"attic/status"}


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_the_presence_of_who_was_erased_while_nobody_told_leaves_the_broker(
    mosquitto: Mosquitto, version: Version
) -> None:
    """Somebody whom this run does not know has no presence: the topic is removed, those of others stay."""
    for person in ("anna", "bea"):
        await publish(mosquitto.port, f"usense/presence/{person}", "{}", "-r")
    mqtt = introduce(make(MqttSettings(port=mosquitto.port, protocol=version)), "hall-pi", "hall")
    mqtt.post(State("presence/bea", {"state": "unknown"}))
    async with Witness(mosquitto.port, "usense/presence/#") as witness, running(mqtt):
        await connected(mqtt)
        await witness.until(lambda: any(not one.payload for one in witness.of("usense/presence/anna")))
        await settled(mqtt)
    async with Witness(mosquitto.port, "usense/#") as late:
        await late.next("usense/info")
    assert [one.topic for one in late.seen if "/presence/" in one.topic] == ["usense/presence/bea"]


async def test_another_instance_keeps_its_cameras(mosquitto: Mosquitto) -> None:
    """Topics that another instance left below the same prefix stay."""
    settings = MqttSettings(port=mosquitto.port)
    info = json.dumps({"instance": "attic-pi", "cameras": ["attic"]})
    await publish(mosquitto.port, "usense/info", info, "-r")
    await publish(mosquitto.port, "usense/camera/attic/status", "online", "-r")
    async with running(introduce(make(settings), "hall-pi", "hall")) as mqtt:
        await connected(mqtt)
        await settled(mqtt)

    assert "attic/status" in await retained(mosquitto.port)


def _info(**fields: Any) -> bytes:
    return json.dumps({"instance": "hall-pi", "cameras": ["hall"]} | fields).encode()


@pytest.mark.parametrize(
    ("info", "cameras"),
    [
        (_info(), ["hall"]),
        (_info(cameras=["a", 1, "", "b/c", "+", "#", None, "d"]), ["a", "d"]),
        (_info(cameras=[]), []),
        (_info(cameras="hall"), []),
        (_info(instance="attic-pi"), []),
        (_info(instance=None), []),
        (b"", []),
        (b"\xff", []),
        (b"[" * 100_000, []),
        (b"[1]", []),
    ],
)
def test_only_a_record_of_this_instance_counts(info: bytes, cameras: list[str]) -> None:
    """Whatever lies on the topic, only topics of cameras that this instance had are named."""
    expected = [f"camera/{camera}/{what}" for camera in cameras for what in ("status", "paused", "people")]

    assert left_behind(info, "hall-pi") == expected
