"""The face of a sighting, shown before its identity."""

from __future__ import annotations

import numpy as np
import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness
from tests.support.mqtt import connected, context, make, running, settled, sighting
from tests.support.values import GOOD
from uSense import imaging
from uSense.core.events import Portrait
from uSense.core.models import Box, Probe, Rgb
from uSense.entities import Message
from uSense.mqtt import MqttSettings
from uSense.mqtt.link import Link
from uSense.mqtt.sightings import WAITING, Sightings


def face(seq: int, camera: str = "hall", shade: int = 128) -> Portrait:
    """A cut-out face of one color."""
    crop: Rgb = np.full((120, 100, 3), shade, np.uint8)
    return Portrait(seq, camera, Probe(crop, Box(10, 10, 90, 110), GOOD))


async def test_the_face_comes_before_its_identity(mosquitto: Mosquitto) -> None:
    """As a JPEG picture on its camera's topic with QoS 0, and is not kept by the broker."""
    mqtt = make(MqttSettings(port=mosquitto.port, snapshots=True))
    async with Witness(mosquitto.port, "usense/identity", "usense/camera/#") as witness, running(mqtt):
        await connected(mqtt)
        for seq, camera, shade in ((1, "hall", 50), (2, "door", 200)):
            mqtt.post(face(seq, camera, shade))
            mqtt.post(sighting(seq, camera=camera))
        await witness.next("usense/identity", 2)

    pictures = witness.seen[::2]
    assert [message.topic for message in witness.seen] == [
        *("usense/camera/hall/snapshot", "usense/identity"),
        *("usense/camera/door/snapshot", "usense/identity"),
    ]
    assert [(message.qos, message.retain) for message in pictures] == [(0, False)] * 2
    shades = [imaging.decode(message.payload, "snapshot") for message in pictures]
    assert [(rgb.shape, round(float(rgb.mean()))) for rgb in shades] == [((120, 100, 3), 50), ((120, 100, 3), 200)]


@pytest.mark.parametrize("snapshots", [False, True])
async def test_faces_are_shown_only_if_wanted_and_to_a_broker(
    mosquitto: Mosquitto,
    snapshots: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Switched off nothing is kept or counted; a face that nobody can be shown now is not kept for later."""
    mqtt = make(MqttSettings(port=mosquitto.port, snapshots=snapshots))
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
        mqtt.post(face(1))
        mqtt.post(sighting(1))
        await connected(mqtt)
        await witness.next("usense/identity")
        await settled(mqtt)

    assert not witness.of("usense/camera/hall/snapshot")
    assert mqtt.counters()["snapshots_skipped"] == int(snapshots)


class Published:
    """Takes what is published."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    async def __call__(self, link: Link, message: Message) -> None:
        self.topics.append(message.topic)


async def _shown(sightings: Sightings, published: Published, link: Link, seq: int) -> bool:
    before = published.topics.count("usense/camera/hall/snapshot")
    await sightings.tell(link, sighting(seq))
    return published.topics.count("usense/camera/hall/snapshot") > before


@pytest.fixture
def no_link() -> Link:
    """A link that nothing is sent over."""
    return Link.__new__(Link)


async def test_the_newest_face_is_refused_when_too_many_wait(no_link: Link) -> None:
    """The broker is slow: older faces keep their places, and the sightings of refused ones are told all the same."""
    published = Published()
    sightings = Sightings(context(), published, snapshots=True)
    for seq in range(WAITING + 2):
        sightings.keep(face(seq), connected=True)

    assert sightings.counters()["snapshots_skipped"] == 2
    assert await _shown(sightings, published, no_link, 0)
    sightings.keep(face(99), connected=True)
    assert not await _shown(sightings, published, no_link, WAITING + 1)
    assert published.topics.count("usense/identity") == 2
    assert await _shown(sightings, published, no_link, 99)


async def test_faces_of_sightings_that_were_dropped_make_room(no_link: Link) -> None:
    """Sightings are told in order: a face whose turn has passed is not waited for."""
    published = Published()
    sightings = Sightings(context(), published, snapshots=True)
    for seq in range(WAITING):
        sightings.keep(face(seq), connected=True)

    assert await _shown(sightings, published, no_link, WAITING - 1)
    assert not await _shown(sightings, published, no_link, 0)


async def test_a_lost_connection_takes_the_faces_with_it(no_link: Link) -> None:
    """Who is told of the sighting later does not wait for a picture, and the loss is counted."""
    published = Published()
    sightings = Sightings(context(), published, snapshots=True)
    sightings.keep(face(1), connected=True)
    sightings.connection_lost()

    assert not await _shown(sightings, published, no_link, 1)
    assert sightings.counters()["snapshots_skipped"] == 1
