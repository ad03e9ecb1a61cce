"""The real service at the broker of docker/compose.yaml, with the rights that it has there."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.peers.service import Service
from tests.peers.shipped import ShippedMosquitto
from tests.peers.witness import Witness, publish

pytestmark = pytest.mark.timeout(180)


async def test_the_shipped_rights_are_enough_and_no_more_are_asked_for(tmp_path: Path) -> None:
    """From start to end nothing is denied to uSense; the house commands, watches, and is told for Home Assistant."""
    with ShippedMosquitto(tmp_path / "broker", "test") as broker:
        where = {"host": "127.0.0.1", "port": broker.port}
        login = {"username": "usense", "password_file": str(broker.password_file("usense"))}
        service = Service(tmp_path / "usense", broker.port, mqtt=where | login)
        guest = {"username": "house", "password": broker.password("house")}
        house = Service(tmp_path / "house", broker.port, mqtt=where | guest)
        async with Witness(broker.port, user="house", password=guest["password"]) as witness:
            async with service:
                await witness.until(lambda: [one.text for one in witness.of("usense/status")][-1:] == ["online"])
                await publish(broker.port, "homeassistant/status", "online", *broker.login("house")[4:])
                await publish(broker.port, "usense/command/person/create", "Anna", *broker.login("house")[4:])
                created = await witness.next("usense/response/person/create")
                # Home Assistant's card of the person, and what clears it when she is gone.
                await witness.until(lambda: any(one.topic.startswith("homeassistant/device/") for one in witness.seen))
                healthy, _, ill = await house.ask("healthcheck")
                watched, told, _ = await house.ask("watch", "--seconds", "1")
                service.send(signal.SIGTERM)
                assert await service.ended() == 0
            await witness.until(lambda: witness.of("usense/status")[-1].text == "offline")
        health = witness.of("usense/health")[-1].json

    assert created.json["status"] == "ok"
    assert (healthy, ill) == (0, "")
    assert watched == 0, told
    assert health["state"] == "ok", health
    assert not [line for line in broker.log if "Denied" in line or "not authorised" in line]
