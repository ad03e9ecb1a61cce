"""Home Assistant's discovery at a real broker: announced, up to date, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from structlog.testing import capture_logs

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Seen, Witness, publish
from tests.support.mqtt import connected, make, running, settled
from tests.support.waiting import until
from uSense.core.events import State
from uSense.core.topics import Topics
from uSense.entities.discovery import Format, Site
from uSense.mqtt import Mqtt, MqttSettings
from uSense.mqtt.discovery import Discovery, Waits
from uSense.mqtt.settings import DiscoverySettings

Version = Literal["5", "3.1.1"]
ANNA, BEA = "4b33f1c2-0000-4000-8000-000000000001", "4b33f1c2-0000-4000-8000-000000000002"
OURS = "homeassistant/+/usense_hall-pi/+/config"
QUICK = Waits(kept=0.1, gone=0.0, born=lambda: 0.0)
SERVICE = "homeassistant/device/usense_hall-pi/service/config"
HALL = "homeassistant/device/usense_hall-pi/camera_hall/config"


def of(person_id: str) -> str:
    """The topic of a person's device."""
    return f"homeassistant/device/usense_hall-pi/person_{person_id}/config"


class Teller:
    """An Mqtt whose people Home Assistant is told of."""

    def __init__(self, mqtt: Mqtt, discovery: Discovery) -> None:
        self.mqtt = mqtt
        self.discovery = discovery

    def people(self, **names: str) -> None:
        """Tell who there is."""
        persons = [{"person_id": {"anna": ANNA, "bea": BEA}[key], "name": name} for key, name in names.items()]
        self.mqtt.post(State("people", persons))
        self.discovery.hear(State("people", persons))


@asynccontextmanager
async def telling(
    settings: MqttSettings, style: Format | Literal["off"] = "device", *cameras: str, waits: Waits = QUICK
) -> AsyncIterator[Teller]:
    """Run it with one person, Anna, and the camera `hall` unless told otherwise, until everything was sent."""
    mqtt = make(settings, retry=0.1)
    site = Site(instance="hall-pi", version="1.2", topics=Topics(settings.prefix), snapshots=settings.snapshots)
    discovery = Discovery(DiscoverySettings(format=style), site, cameras or ("hall",), mqtt, waits=waits)
    teller = Teller(mqtt, discovery)
    teller.people(anna="Anna")
    async with running(mqtt):
        task = asyncio.create_task(discovery.run(), name="discovery")
        try:
            await connected(mqtt)
            yield teller
            async with asyncio.timeout(30):
                await discovery.announcing.wait()
            await settled(mqtt)
        finally:
            task.cancel()


async def kept(port: int, topic: str = OURS) -> dict[str, Any]:
    """What the broker keeps there."""
    async with Witness(port, topic, "marker") as late:
        await publish(port, "marker", "all was sent")
        await late.next("marker")
    return {message.topic: message.json for message in late.seen if message.retain}


def topics(seen: list[Seen]) -> list[str]:
    """Where something was told, in order."""
    return [message.topic for message in seen]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_service_cameras_and_people_are_announced(mosquitto: Mosquitto, version: Version) -> None:
    """As retained messages, the service before those that refer to it."""
    settings = MqttSettings(port=mosquitto.port, protocol=version)
    async with Witness(mosquitto.port, OURS) as witness, telling(settings):
        await witness.next(of(ANNA))
        assert topics(witness.seen) == [SERVICE, HALL, of(ANNA)]

    found = await kept(mosquitto.port)
    assert list(found) == [SERVICE, HALL, of(ANNA)]
    assert found[of(ANNA)]["device"]["name"] == "Anna"
    assert set(found[HALL]["components"]) == {"people", "last_seen", "last_name", "pause"}


async def test_people_who_come_change_and_go_are_told(mosquitto: Mosquitto) -> None:
    """Only what is new is sent; who is erased leaves nothing at the broker."""
    settings = MqttSettings(port=mosquitto.port)
    async with Witness(mosquitto.port, OURS) as witness, telling(settings) as teller:
        await witness.next(of(ANNA))
        teller.people(anna="Anna", bea="Bea")
        await witness.next(of(BEA))
        teller.people(anna="Anna-Maria", bea="Bea")
        assert (await witness.next(of(ANNA), 2)).json["device"]["name"] == "Anna-Maria"
        teller.people(bea="Bea")
        assert (await witness.next(of(ANNA), 3)).payload == b""

        assert topics(witness.seen)[3:6] == [of(BEA), of(ANNA), of(ANNA)]
    assert set(await kept(mosquitto.port)) == {SERVICE, HALL, of(BEA)}


async def test_home_assistants_birth_brings_everything_again(mosquitto: Mosquitto) -> None:
    """First what there is, then all states; an `offline` brings nothing."""
    settings = MqttSettings(port=mosquitto.port)
    async with Witness(mosquitto.port, "#") as witness, telling(settings) as teller:
        teller.mqtt.post(State("camera/hall/paused", "OFF"))
        await witness.next(of(ANNA))
        await settled(teller.mqtt)
        await publish(mosquitto.port, "homeassistant/status", "offline")
        await publish(mosquitto.port, "homeassistant/status", "online")
        await witness.next("usense/camera/hall/paused", 2)
        again = topics(witness.seen[topics(witness.seen).index("homeassistant/status") :])

    assert [topic for topic in again if "usense" in topic][:5] == [
        *(SERVICE, HALL, of(ANNA)),
        *("usense/people", "usense/camera/hall/paused"),
    ]


async def test_births_in_a_row_are_answered_once(mosquitto: Mosquitto) -> None:
    """Home Assistant, and what else says `online` there, may come back in the same moment."""
    settings = MqttSettings(port=mosquitto.port)
    waits = iter((1.0, 0.0))
    patient = Waits(kept=0.1, gone=0.0, born=lambda: next(waits))
    async with Witness(mosquitto.port, OURS) as witness, telling(settings, waits=patient) as teller:
        await witness.next(of(ANNA))
        await publish(mosquitto.port, "homeassistant/status", "online", "--repeat", "3")
        await witness.next(of(ANNA), 2)
        await settled(teller.mqtt)

        assert len(witness.of(of(ANNA))) == 2


async def test_what_an_earlier_run_told_is_removed(mosquitto: Mosquitto) -> None:
    """A camera that left the settings and a person who was erased meanwhile; others' announcements stay."""
    settings = MqttSettings(port=mosquitto.port)
    others = [
        "homeassistant/device/usense_hall-pi-2/service/config",
        "homeassistant/sensor/0x00124b/temperature/config",
    ]
    for topic in others:
        await publish(mosquitto.port, topic, "{}", "-r")
    async with telling(settings, "device", "hall", "door") as teller:
        teller.people(anna="Anna", bea="Bea")
    before = await kept(mosquitto.port)
    async with Witness(mosquitto.port, OURS) as witness, telling(settings, "device", "hall"):
        await witness.until(lambda: sum(not message.payload for message in witness.seen) == 2)
        await witness.until(lambda: sum(not message.retain for message in witness.seen) == 5)

    assert set(before) == {SERVICE, HALL, HALL.replace("hall/", "door/"), of(ANNA), of(BEA)}
    assert set(await kept(mosquitto.port, "homeassistant/#")) == {*others, SERVICE, HALL, of(ANNA)}


@pytest.mark.parametrize(("former", "latter"), [("device", "component"), ("component", "device")])
async def test_the_other_format_goes_before_this_one_comes(
    mosquitto: Mosquitto, former: Format, latter: Format
) -> None:
    """Home Assistant refuses a second entity with the same id."""
    settings = MqttSettings(port=mosquitto.port)
    async with telling(settings, former):
        pass
    old = set(await kept(mosquitto.port))
    async with Witness(mosquitto.port, OURS) as witness, telling(settings, latter):
        await witness.until(lambda: any("train" in message.text for message in witness.seen if not message.retain))
    told = [message for message in witness.seen if not message.retain]
    new = set(await kept(mosquitto.port))

    assert old
    assert not old & new
    assert {message.topic for message in told[: len(old)]} == old
    assert all(bool(message.payload) == (message.topic in new) for message in told)


async def test_off_removes_what_was_told(mosquitto: Mosquitto) -> None:
    """Who does not want to be found any more is not."""
    settings = MqttSettings(port=mosquitto.port)
    async with Witness(mosquitto.port, OURS) as witness:
        async with telling(settings):
            await witness.next(of(ANNA))
        async with telling(settings, "off"):
            await witness.next(of(ANNA), 2)

    assert await kept(mosquitto.port) == {}


async def test_a_device_says_which_entities_it_has_no_more(mosquitto: Mosquitto) -> None:
    """Without that Home Assistant would keep the image of a camera whose snapshots were switched off."""
    plain, shown = (MqttSettings(port=mosquitto.port, snapshots=snapshots) for snapshots in (False, True))
    images = []
    async with Witness(mosquitto.port, HALL) as witness:
        for number, settings in enumerate((shown, plain, plain), 1):
            async with telling(settings):
                images.append((await witness.next(HALL, number)).json["components"].get("image"))

    assert images[0]["content_type"] == "image/jpeg"
    assert images[1:] == [{"platform": "image"}, None]


@pytest.mark.parametrize("junk", ["{", "[]", '{"components": 1}', '{"components": {"image": {"platform": 1, "a": 2}}}'])
async def test_junk_in_our_place_is_overwritten(mosquitto: Mosquitto, junk: str) -> None:
    """Whoever wrote it."""
    await publish(mosquitto.port, HALL, junk, "-r")
    async with Witness(mosquitto.port, HALL) as witness, telling(MqttSettings(port=mosquitto.port)):
        assert "image" not in (await witness.next(HALL, 2)).json["components"]


async def test_a_broker_that_forgot_is_told_again(mosquitto: Mosquitto) -> None:
    """It was killed and kept nothing; meanwhile somebody came and somebody went."""
    settings = MqttSettings(port=mosquitto.port)
    async with Witness(mosquitto.port, OURS) as witness, telling(settings) as teller:
        await witness.next(of(ANNA))
        await settled(teller.mqtt)
        mosquitto.kill()
        await until(lambda: not teller.mqtt.connected.is_set())
        teller.people(bea="Bea")
        mosquitto.start()
        await connected(teller.mqtt)
        await settled(teller.mqtt)

    assert set(await kept(mosquitto.port)) == {SERVICE, HALL, of(BEA)}


async def test_a_leftover_that_comes_late_is_removed_and_all_is_told_again(mosquitto: Mosquitto) -> None:
    """Home Assistant may have refused what is told now because of it."""
    stale = "homeassistant/button/usense_hall-pi/train/config"
    async with Witness(mosquitto.port, OURS) as witness, telling(MqttSettings(port=mosquitto.port)):
        await witness.next(of(ANNA))
        await publish(mosquitto.port, stale, json.dumps({"command_topic": "x"}), "-r")
        assert (await witness.next(stale, 2)).payload == b""
        await witness.next(of(ANNA), 2)

    assert set(await kept(mosquitto.port)) == {SERVICE, HALL, of(ANNA)}


async def test_who_was_erased_does_not_come_back_with_the_broker(mosquitto: Mosquitto) -> None:
    """It died before it wrote down that the person is gone, and keeps an older announcement."""
    async with Witness(mosquitto.port, OURS) as witness, telling(MqttSettings(port=mosquitto.port)) as teller:
        announcement = (await witness.next(of(ANNA))).payload
        teller.people()
        await witness.next(of(ANNA), 2)
        await settled(teller.mqtt)
        await publish(mosquitto.port, of(ANNA), announcement, "-r")
        assert (await witness.next(of(ANNA), 4)).payload == b""

    assert set(await kept(mosquitto.port)) == {SERVICE, HALL}


async def test_who_is_erased_before_anything_is_told_goes_too(mosquitto: Mosquitto) -> None:
    """What the last run told of Anna was taken for ours a moment before."""
    settings, marker = MqttSettings(port=mosquitto.port), asyncio.Event()
    async with telling(settings):
        pass
    mqtt = make(settings)
    mqtt.listen("marker", lambda _: marker.set())
    site = Site(instance="hall-pi", version="1.2", topics=Topics())
    teller = Teller(mqtt, Discovery(DiscoverySettings(), site, ("hall",), mqtt, waits=QUICK))
    teller.people(anna="Anna")
    async with running(mqtt):
        await connected(mqtt)
        await publish(mosquitto.port, "marker", "all that was kept was sent")
        await marker.wait()
        teller.people()
        task = asyncio.create_task(teller.discovery.run(), name="discovery")
        await teller.discovery.announcing.wait()
        await settled(mqtt)
        task.cancel()

    assert set(await kept(mosquitto.port)) == {SERVICE, HALL}


async def test_two_of_one_name_do_not_fight_for_ever(mosquitto: Mosquitto) -> None:
    """Each removes the other's camera a few times, then one says what is wrong, and both let it be."""
    one, other = (MqttSettings(port=mosquitto.port, prefix=name, client_id=name) for name in ("usense", "second"))
    with capture_logs() as logs:
        async with telling(one, "device", "hall") as first, telling(other, "device", "door") as second:
            await until(lambda: any("another uSense" in entry.get("problem", "") for entry in logs))
            await settled(first.mqtt)
            await settled(second.mqtt)

    removed = [entry["topic"] for entry in logs if "topic" in entry]
    assert 1 <= removed.count(HALL) <= 4
    assert 1 <= removed.count(HALL.replace("hall/", "door/")) <= 4


async def test_a_refusal_is_said_once_and_is_no_problem(mosquitto: Mosquitto) -> None:
    """The service is well without Home Assistant; once the access list is mended it is told."""
    ours = "topic readwrite usense/#\n"
    mosquitto.kill()
    mosquitto.acl = ours
    mosquitto.start()
    with capture_logs() as logs:
        async with telling(MqttSettings(port=mosquitto.port)) as teller:
            await until(lambda: teller.mqtt.counters()["publishes_refused"] >= 6)
            assert teller.mqtt.problem is None
            mosquitto.reload(ours + "topic readwrite #\n")
            async with Witness(mosquitto.port, OURS) as witness:
                await witness.until(lambda: set(topics(witness.seen)) == {SERVICE, HALL, of(ANNA)})

    (problem,) = [entry["problem"] for entry in logs if entry["log_level"] == "warning"]
    assert problem.startswith("Home Assistant cannot be told about uSense: ")
    assert problem.endswith(
        f"publish to {SERVICE} (Not authorized); allow it in the broker's access list, or set discovery.format to off"
    )


async def test_a_broker_that_hangs_up_on_it_is_spared(mosquitto: Mosquitto) -> None:
    """By 3.1.1 nobody says why: after two attempts uSense goes on without, and is well."""
    mosquitto.kill()
    mosquitto.extra = "max_packet_size 2000"
    mosquitto.start()
    with capture_logs() as logs:
        async with (
            Witness(mosquitto.port, "#") as witness,
            telling(MqttSettings(port=mosquitto.port, protocol="3.1.1")) as teller,
        ):
            await until(lambda: any(entry["event"] == "discovery" for entry in logs))
            await connected(teller.mqtt)
            teller.mqtt.post(State("camera/hall/paused", "OFF"))
            await witness.next("usense/camera/hall/paused")
            await settled(teller.mqtt)
            assert teller.mqtt.problem is None
            assert teller.mqtt.counters()["reconnects"] <= 2

    (problem,) = [entry["problem"] for entry in logs if entry["event"] == "discovery"]
    assert "twice hung up on a message for homeassistant/" in problem
    assert await kept(mosquitto.port) == {}
