"""A service in a container: well and ill, told to stop, killed, and wrongly set."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.peers.container import Contained, Engine
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import QUICK
from tests.peers.witness import Witness
from tests.service.test_run import album, photos
from tests.support.portraits import EILEEN, GRACE, pose
from tests.support.ports import free_port

pytestmark = [pytest.mark.image, pytest.mark.timeout(300)]

STOPPED_WITHIN = 5.0


def house(podman: Engine, folder: Path, port: int, **settings: Any) -> Contained:
    """A service whose camera shows Grace and Eileen, nobody of whom is enrolled."""
    camera = album(folder / "album", pose(GRACE, 5), pose(EILEEN, 5))
    return Contained(podman, folder, port, {"hall": camera}, **{**QUICK, **settings})


def names(witness: Witness) -> set[str | None]:
    """Everybody who was told."""
    return {one.json["name"] for one in witness.of("usense/identity")}


async def told_to_stop(service: Contained) -> None:
    """Wait for a good end after the order to stop, in time by the container's own clock."""
    assert await service.stop() == 0
    state = await service.state()
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    heard = next(json.loads(line)["timestamp"] for line in service.lines if '"stopping"' in line)
    took = datetime.fromisoformat(state["FinishedAt"]) - datetime.fromisoformat(heard)
    assert took.total_seconds() <= STOPPED_WITHIN, service.lines[-10:]


async def test_the_gallery_survives_a_kill(podman: Engine, tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Who was enrolled is known after a kill, what the broker did not hear is told then, and TERM ends it well."""
    service = house(podman, tmp_path / "home", mosquitto.port)
    photos(service.folder / "photos", Grace=GRACE, Eileen=EILEEN)
    await service.done("enroll", "--folder", str(service.folder / "photos"))
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: names(witness) >= {"Grace", "Eileen"}, 60)
        mosquitto.kill()
        await service.done("people", "forget", "Eileen", "--yes")
        await service.kill()
        assert (await service.state())["ExitCode"] == 137
    mosquitto.start()

    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any(one.json["type"] == "person.erased" for one in witness.of("usense/event")))
        await witness.until(lambda: "Grace" in names(witness), 60)
        people = (await witness.next("usense/people")).json
        await told_to_stop(service)
    assert [(one["name"], one["faces"], one["trained"]) for one in people] == [("Grace", 3, True)]
    assert "Eileen" not in names(witness)


async def test_the_engine_hears_how_it_is(podman: Engine, tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Well while it serves; ill, with the reason, while the broker is away; well again when it is back."""
    async with house(podman, tmp_path / "home", mosquitto.port, health_every=1) as service:
        async with Witness(mosquitto.port) as witness:
            await witness.until(lambda: witness.of("usense/health")[-1].json["state"] == "ok")
        assert await service.unwell() == ""
        assert (await service.state())["Health"]["Status"] == "healthy"
        mosquitto.kill()
        assert f"127.0.0.1:{mosquitto.port}" in await service.unwell()
        mosquitto.start()
        async with Witness(mosquitto.port) as witness:
            await witness.until(lambda: witness.of("usense/health")[-1].json["state"] == "ok")
        assert await service.unwell() == ""


async def test_a_lost_camera_is_ill(podman: Engine, tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A service that runs without the camera it should watch is not well."""
    nowhere = {"kind": "stream", "url": f"http://127.0.0.1:{free_port()}/"}
    service = Contained(podman, tmp_path / "home", mosquitto.port, {"hall": nowhere}, health_every=1)
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any(one.json["state"] == "degraded" for one in witness.of("usense/health")))
        assert "degraded: camera hall" in await service.unwell()


async def test_wrong_settings_are_told(podman: Engine, tmp_path: Path) -> None:
    """A setting that does not exist ends the container with 2 and the line where it stands."""
    service = Contained(podman, tmp_path / "home", free_port(), {}, no_such_setting=1)
    code, out, err = await service.ask("config", "check")
    assert (code, out) == (2, "")
    assert "/etc/usense/usense.yaml" in err
    assert "no_such_setting" in err
