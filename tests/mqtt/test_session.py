"""A session with a real broker: what others see of it, and how it comes back."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Literal

import psutil
import pytest
from structlog.testing import capture_logs

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import Witness
from tests.support.mqtt import connected, make, running, settled, sighting
from tests.support.ports import free_port
from tests.support.waiting import until
from uSense.core.events import Located, Notice, State
from uSense.mqtt import MqttSettings
from uSense.mqtt.settings import TlsSettings

Version = Literal["5", "3.1.1"]
VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


@VERSIONS
async def test_everything_reaches_its_topic(mosquitto: Mosquitto, version: Version) -> None:
    """In both versions of MQTT states, sightings and notices arrive with the retain flag and QoS of the contract."""
    mqtt = make(MqttSettings(port=mosquitto.port, protocol=version))
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
        await connected(mqtt)
        mqtt.post(State("people", []))
        mqtt.post(State("health", {"state": "ok"}))
        mqtt.post(sighting(1, "Zoë"))
        mqtt.post(Notice("camera.lost", {"camera": "hall"}))
        await witness.next("usense/identity/name")
        await settled(mqtt)

        assert witness.of("usense/identity/name")[0].text == "Zoë"
        assert (await witness.next("usense/people")).json == []
        assert (await witness.next("usense/event")).json["type"] == "camera.lost"
        identity = await witness.next("usense/identity")
        live = await witness.next("usense/identity/live")
        assert identity.json["event_id"] == live.json["event_id"] == "event-1"
        assert (identity.qos, live.qos) == (1, 0)
        assert not any(message.retain for message in witness.seen)
    mosquitto_version = "p5" if version == "5" else "p2"
    await until(lambda: mosquitto.logged(f"as usense-hall-pi ({mosquitto_version}, c1, k15)"))


async def test_retained_topics_are_there_for_those_who_come_later(mosquitto: Mosquitto) -> None:
    """Who subscribes later gets states and `online`, and neither sightings nor notices."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with running(mqtt):
        mqtt.post(State("people", []))
        mqtt.post(State("camera/hall/paused", "OFF"))
        await connected(mqtt)
        mqtt.post(sighting(1))
        mqtt.post(Notice("x", {}))
        await settled(mqtt)
        async with Witness(mosquitto.port, "usense/#") as late:
            await late.until(lambda: len(late.seen) >= 3)

            assert {message.topic for message in late.seen if message.retain} == {
                "usense/status",
                "usense/people",
                "usense/camera/hall/paused",
            }
            assert len(late.seen) == 3


async def test_states_come_before_online(mosquitto: Mosquitto) -> None:
    """Whoever sees `online` can rely on all retained topics."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    for number in range(20):
        mqtt.post(State(f"camera/c{number}/status", "online"))
    mqtt.post(Notice("early", {}))
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
        await witness.next("usense/event")

        topics = [message.topic for message in witness.seen]
        assert topics.index("usense/status") == 20
        assert topics[-1] == "usense/event"


async def test_a_removed_state_is_gone_from_the_broker(mosquitto: Mosquitto) -> None:
    """A state of None removes the retained topic."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with running(mqtt):
        mqtt.post(State("presence/4b33", {"state": "present"}))
        await connected(mqtt)
        mqtt.post(State("presence/4b33", None))
        await settled(mqtt)
        async with Witness(mosquitto.port, "usense/#") as late:
            await late.next("usense/status")

            assert not late.of("usense/presence/4b33")


async def test_leaving_sends_what_waits_and_says_offline(mosquitto: Mosquitto) -> None:
    """Everything posted before `leave` arrives, `offline` is last, and the broker does not use the will."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with Witness(mosquitto.port, "usense/#") as witness:
        async with running(mqtt):
            await connected(mqtt)
            for number in range(200):
                mqtt.post(sighting(number))
            mqtt.post(Notice("lasting", {}, lasting=True))
        await witness.until(lambda: witness.seen[-1].text == "offline")

        assert [message.json["seq"] for message in witness.of("usense/identity")] == list(range(200))
        assert len(witness.of("usense/event")) == 1
    await until(lambda: mosquitto.logged("Received DISCONNECT from usense-hall-pi"))


async def test_leaving_without_a_broker_does_not_wait() -> None:
    """A service whose broker is not there does not try to send what waits."""
    mqtt = make(MqttSettings(port=free_port()))
    with capture_logs() as logs:
        async with running(mqtt):
            mqtt.post(sighting(1))
            await until(lambda: mqtt.problem)

    assert "not everything was sent" not in [line["event"] for line in logs]


async def test_leaving_a_frozen_broker_takes_no_longer_than_allowed(mosquitto: Mosquitto) -> None:
    """When the broker does not answer, `leave` gives up in time, and the will says `offline`."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    async with Witness(mosquitto.port, "usense/status") as witness:
        run = asyncio.create_task(mqtt.run())
        await connected(mqtt)
        mosquitto.freeze()
        mqtt.post(sighting(1))
        with capture_logs() as logs:
            await mqtt.leave(0.2)
        run.cancel()
        await asyncio.wait((run,))
        mosquitto.thaw()

        assert (await witness.next("usense/status", 2)).text == "offline"
    assert [line["event"] for line in logs] == ["not everything was sent"]


async def test_a_farewell_that_fails_ends_the_session_all_the_same(mosquitto: Mosquitto) -> None:
    """A broker that dies while uSense leaves is not waited for."""
    mqtt = make(MqttSettings(port=mosquitto.port, timeout=0.3))
    async with asyncio.TaskGroup() as group:
        group.create_task(mqtt.run())
        await connected(mqtt)
        await settled(mqtt)
        mosquitto.freeze()
        await mqtt.leave(10)

    assert mqtt.problem is not None


async def test_a_connection_that_is_given_up_leaves_nothing_open() -> None:
    """A service that ends while it connects cannot interrupt that, but its socket is closed once it is there."""
    opened: list[asyncio.StreamReader] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(reader)
        with suppress(ConnectionError):
            await reader.read()
        opened.remove(reader)
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", free_port()) as server:
        port = server.sockets[0].getsockname()[1]
        for tls in (TlsSettings(), TlsSettings(enabled=True, insecure=True)):
            run = asyncio.create_task(make(MqttSettings(port=port, timeout=60, tls=tls)).run())
            await until(lambda: opened)
            run.cancel()
            await asyncio.wait((run,))
            await until(lambda: not opened)


async def test_a_service_does_not_wait_for_a_dead_network() -> None:
    """A connect that nobody answers is woken when the service ends, and does not hold up the end of the process."""
    with socket.socket() as deaf, socket.socket() as filler:
        deaf.bind(("127.0.0.1", free_port()))
        deaf.listen(0)
        filler.connect(deaf.getsockname())
        port = deaf.getsockname()[1]
        run = asyncio.create_task(make(MqttSettings(port=port, timeout=60)).run())
        await until(lambda: _connecting(port))
        run.cancel()
        await asyncio.wait((run,))
        await until(lambda: not _connecting(port))
        await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 30)


def _connecting(port: int) -> bool:
    connections = psutil.Process().net_connections("tcp")
    return any(each.status == psutil.CONN_SYN_SENT and each.raddr.port == port for each in connections)


@VERSIONS
async def test_a_killed_service_leaves_its_will(mosquitto: Mosquitto, version: Version) -> None:
    """A task that is canceled, as by a bug elsewhere, says no farewell: the broker says `offline` in its place."""
    mqtt = make(MqttSettings(port=mosquitto.port, protocol=version))
    async with Witness(mosquitto.port, "usense/status") as witness:
        run = asyncio.create_task(mqtt.run())
        await connected(mqtt)
        run.cancel()
        await asyncio.wait((run,))

        assert (await witness.next("usense/status", 2)).text == "offline"
    assert not mosquitto.logged("Received DISCONNECT from usense-hall-pi")


@VERSIONS
async def test_a_killed_broker_gets_everything_again(mosquitto: Mosquitto, version: Version) -> None:
    """After kill -9 the retained topics are back, and what was decided meanwhile arrives."""
    mqtt = make(MqttSettings(port=mosquitto.port, protocol=version, identity_lifetime=None))
    async with running(mqtt):
        mqtt.post(State("people", ["Anna"]))
        await connected(mqtt)
        await settled(mqtt)
        mosquitto.kill()
        mqtt.post(sighting(1))
        mqtt.post(State("house", {"unknown": 0}))
        mosquitto.start()
        async with Witness(mosquitto.port, "usense/#") as witness:
            await witness.next("usense/status")
            mqtt.post(sighting(2))
            await witness.until(lambda: any(message.json["seq"] == 2 for message in witness.of("usense/identity")))

            assert (await witness.next("usense/people")).json == ["Anna"]
            assert (await witness.next("usense/house")).json == {"unknown": 0}
        assert mqtt.counters()["reconnects"] == 1


async def test_a_frozen_broker_is_noticed_by_the_next_message(mosquitto: Mosquitto) -> None:
    """A missing acknowledgment tells that the broker is frozen, and the message is sent again when it is back."""
    mqtt = make(MqttSettings(port=mosquitto.port, timeout=0.3, identity_lifetime=None))
    async with Witness(mosquitto.port, "usense/#") as witness, running(mqtt):
        await connected(mqtt)
        await settled(mqtt)
        mosquitto.freeze()
        mqtt.post(sighting(1))
        await until(lambda: mqtt.problem)
        problem = mqtt.problem
        mosquitto.thaw()
        await witness.next("usense/identity")
        await settled(mqtt)

        assert problem == f"the connection to the broker at {mqtt} was lost: Operation timed out"
        assert mqtt.problem is None
        assert {message.json["event_id"] for message in witness.of("usense/identity")} == {"event-1"}
        assert not witness.of("usense/identity/live")


async def test_a_silent_broker_is_noticed_by_keepalive(mosquitto: Mosquitto) -> None:
    """Without anything to send a dead broker is noticed by its missing answer to a ping."""
    mqtt = make(MqttSettings(port=mosquitto.port, keepalive=2, timeout=0.3))
    async with running(mqtt):
        await connected(mqtt)
        await settled(mqtt)
        mosquitto.freeze()
        await until(lambda: mqtt.problem)
        mosquitto.thaw()
        await connected(mqtt)


async def test_a_restarted_broker_is_used_again_without_noise(mosquitto: Mosquitto) -> None:
    """The first failure is a warning, its repetitions are not, and the recovery is told."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    with capture_logs() as logs:
        async with running(mqtt):
            await connected(mqtt)
            mosquitto.stop()
            await until(lambda: sum(line["log_level"] == "debug" for line in logs) >= 5)
            mosquitto.start()
            await connected(mqtt)

    levels = [line["log_level"] for line in logs]
    assert levels[0] == levels[-1] == "info"
    assert 1 <= levels.count("warning") <= 2
    assert levels.count("info") == 2


async def test_who_is_in_a_room_is_told_now_or_never(mosquitto: Mosquitto) -> None:
    """For `mqtt_room`: on a topic of its own, at most once and not kept; without a connection it is forgotten."""
    mqtt = make(MqttSettings(port=mosquitto.port))
    mqtt.post(Located("rooms/hall", "id", "Early", 2.0))
    async with Witness(mosquitto.port, "rooms/#") as witness, running(mqtt):
        await connected(mqtt)
        mqtt.post(Located("rooms/hall", "id", "Anna", 1.5))
        seen = await witness.next("rooms/hall")

    assert seen.json == {"id": "id", "name": "Anna", "distance": 1.5}
    assert (seen.qos, seen.retain, len(witness.seen)) == (0, False, 1)
    assert seen.expiry is not None
