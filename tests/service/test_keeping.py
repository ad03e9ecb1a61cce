"""The running service and what is kept of people: another embedder, backups, erasing, a damaged database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.peers.household import Household
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import QUICK, Service
from tests.peers.witness import Seen, Witness, publish
from tests.service.test_run import album, photos
from tests.support.nets import looks
from tests.support.portraits import EILEEN, GRACE, pose

pytestmark = pytest.mark.timeout(180)


async def home(household: Household | None, tmp_path: Path, port: int, **settings: Any) -> Service:
    """A service whose camera shows Grace and Eileen, who are both enrolled; without a household as it is set."""
    camera = album(tmp_path / "album", pose(GRACE, 5), pose(EILEEN, 5))
    service = Service(tmp_path / "s", port, {"hall": camera}, **QUICK, **settings)
    if household is not None:
        await household.moves_in(service, "Grace", "Eileen")
    else:
        await service.done("enroll", "--folder", str(photos(tmp_path / "photos", Grace=GRACE, Eileen=EILEEN)))
    return service


BOTH = {"Grace", "Eileen"}


def named(witness: Witness) -> set[str]:
    """Everybody who was told."""
    return {one.json["name"] for one in witness.of("usense/identity")}


def of_people(witness: Witness) -> list[Seen]:
    """What Home Assistant was told about people."""
    return [one for one in witness.seen if one.topic.startswith("homeassistant/") and "/person_" in one.topic]


def events(witness: Witness, kind: str) -> list[dict[str, Any]]:
    """The events of a kind."""
    return [one.json for one in witness.of("usense/event") if one.json["type"] == kind]


@pytest.mark.slow
async def test_another_embedder_and_back(tmp_path: Path, mosquitto: Mosquitto, household: Household) -> None:
    """People are named again without a new photo, though the service is killed in the middle; back again at once."""
    (tmp_path / "looks.onnx").write_bytes(looks())
    service = await home(household, tmp_path, mosquitto.port)
    before = service.settings
    embedder = {"kind": "onnx", "path": str(tmp_path / "looks.onnx")}
    service.settings = {**before, "recognizer": {"embedder": embedder, "rules": {"threshold": 0.75}}}

    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: bool(events(witness, "gallery.renewing")))
        service.send(signal.SIGKILL)
        await service.ended()
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: named(witness) >= BOTH, 60)
        assert named(witness) <= {*BOTH, None}
        await witness.until(
            lambda: [(one["faces"], one["trained"]) for one in witness.of("usense/people")[-1].json] == [(3, True)] * 2
        )
        service.send(signal.SIGTERM)
        assert await service.ended() == 0

    service.settings = before
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: named(witness) >= BOTH, 60)
        assert not events(witness, "gallery.renewing")


async def test_who_is_erased_stays_erased(tmp_path: Path, mosquitto: Mosquitto, household: Household) -> None:
    """The receipt tells what went; a restore beside the service brings back the others only, and is taken over."""
    service = await home(household, tmp_path, mosquitto.port)
    port = mosquitto.port
    async with Witness(port) as witness, service:
        await witness.until(lambda: named(witness) >= BOTH, 60)
        await service.until_logged("automatic backup")
        await publish(port, "usense/command/backup", "{}")
        backup = (await witness.next("usense/response/backup")).json["data"]
        await publish(port, "usense/command/person/delete", "Eileen")
        await publish(port, "usense/command/person/delete", "Grace")
        await witness.until(lambda: len(events(witness, "person.erased")) == 2)
        await witness.until(lambda: witness.of("usense/people")[-1].json == [])
        await witness.until(lambda: [bool(one.payload) for one in of_people(witness)] == [True, True, False, False])
        restored = json.loads(await service.done("restore", backup["file"], "--yes", "--json"))

    assert backup["people"] == 2
    assert (restored["people"], restored["erased"]) == ([], 0)
    receipt = events(witness, "person.erased")[0]
    assert receipt["erased"] == {
        "faces": 3, "templates": 3, "crops": 3, "galleries": 1, "notices": receipt["erased"]["notices"], "backups": 2
    }  # fmt: skip
    assert receipt["left"] == ["copies outside of the data folder; restoring one here leaves this person out"]
    assert "Eileen" not in json.dumps(receipt)


async def test_an_erasure_is_told_though_its_process_died(
    tmp_path: Path, mosquitto: Mosquitto, household: Household
) -> None:
    """A command that erased somebody was killed; the service tells it, once, also after another restart."""
    service = await home(household, tmp_path, mosquitto.port)
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / "die").write_text("1 after")
    killed = Service(service.folder, mosquitto.port)
    killed.settings, killed.program = service.settings, ("-m", "tests.faults.child", str(orders))
    assert (await killed.ask("people", "forget", "Eileen", "--yes"))[0] == -signal.SIGKILL

    async with Witness(mosquitto.port) as witness:
        for _ in range(2):
            async with service:
                await witness.until(lambda: len(events(witness, "person.erased")) == 1)
                await witness.until(lambda: named(witness) >= {"Grace"}, 60)
                service.send(signal.SIGTERM)
                assert await service.ended() == 0

    (receipt,) = events(witness, "person.erased")
    assert receipt["erased"] == {
        "faces": 3, "templates": 3, "crops": 3, "galleries": 1, "notices": receipt["erased"]["notices"], "backups": None
    }  # fmt: skip
    assert receipt["left"] == ["copies outside of the data folder; restoring one here leaves this person out"]


async def test_a_restore_is_taken_over_by_the_running_service(
    tmp_path: Path, mosquitto: Mosquitto, household: Household
) -> None:
    """Whoever comes back is recognized again within seconds."""
    service = await home(household, tmp_path, mosquitto.port)
    (tmp_path / "secret").write_text("correct horse")
    secret = ("--passphrase-file", str(tmp_path / "secret"))
    await service.done("backup", str(tmp_path / "file"), *secret)
    (tmp_path / "other").mkdir()
    service.settings["data_dir"] = str(tmp_path / "other")

    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: named(witness) == {None}, 60)
        told = await service.done("restore", str(tmp_path / "file"), *secret, "--yes")
        await witness.until(lambda: named(witness) >= BOTH, 60)

    assert "2 persons: Eileen, Grace" in told


async def test_a_damaged_database_does_not_hinder_a_start(
    tmp_path: Path, mosquitto: Mosquitto, household: Household
) -> None:
    """The automatic backup takes its place, people are recognized on, and health and an event say what happened."""
    service = await home(household, tmp_path, mosquitto.port, health_every=1)
    async with service:
        await service.until_logged("automatic backup")
        service.send(signal.SIGTERM)
        assert await service.ended() == 0
    await asyncio.to_thread(spoil, tmp_path / "s" / "data" / "usense.sqlite3", 0)

    async with Witness(mosquitto.port) as witness, service:
        await goes_on(witness)


async def test_damage_does_not_end_a_running_service(
    tmp_path: Path, mosquitto: Mosquitto, household: Household
) -> None:
    """The same as soon as it comes upon it, at the latest with the daily backup."""
    service = await home(household, tmp_path, mosquitto.port, health_every=1)
    database = tmp_path / "s" / "data" / "usense.sqlite3"
    async with Witness(mosquitto.port) as witness, service:
        await service.until_logged("automatic backup")
        await asyncio.to_thread(spoil, database, database.stat().st_size // 2)
        await asyncio.to_thread(touch, database)
        await publish(mosquitto.port, "usense/command/backup", "{}")
        reply = (await witness.next("usense/response/backup")).json
        await goes_on(witness)

    # Who is enrolled is looked up every two seconds: if that came upon it first, there is something to back up again.
    if reply["status"] == "error":
        assert reply["error"]["code"] == "unavailable"
        assert "the database was damaged and moved to" in reply["error"]["message"]


async def goes_on(witness: Witness) -> None:
    """Wait until all is told and all are named."""
    await witness.until(lambda: bool(events(witness, "storage.damaged")), 60)
    before = len(witness.of("usense/identity"))
    await witness.until(lambda: {one.json["name"] for one in witness.of("usense/identity")[before:]} >= BOTH, 60)
    moved = "database: the database was damaged and moved to"
    await witness.until(lambda: any(moved in one.json["reason"] for one in witness.of("usense/health")))
    (told,) = events(witness, "storage.damaged")
    assert (told["people"], told["restored_from"] is None) == (2, False)
    assert [one["name"] for one in witness.of("usense/people")[-1].json] == ["Eileen", "Grace"]


def spoil(database: Path, start: int) -> None:
    """Overwrite a database from `start` on."""
    with database.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(start)
        file.write(b"\xa5" * (size - start))


def touch(database: Path) -> None:
    """Write to a sound part of it, so that the service reads it again."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("UPDATE persons SET user_data = 'new'")


async def test_what_needs_new_photos_is_said(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Without kept pictures, after a change of the embedder: in health, event and people; nobody is named."""
    (tmp_path / "looks.onnx").write_bytes(looks())
    service = await home(None, tmp_path, mosquitto.port, gallery={"keep_crops": False}, health_every=1)
    service.settings["recognizer"] = {"embedder": {"kind": "onnx", "path": str(tmp_path / "looks.onnx")}}

    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: bool(events(witness, "gallery.enroll_again")))
        await witness.until(
            lambda: any(
                "Eileen, Grace must be enrolled again" in one.json["reason"] for one in witness.of("usense/health")
            )
        )
        await witness.until(lambda: named(witness) == {None}, 60)
        assert [one["enroll_again"] for one in witness.of("usense/people")[-1].json] == [True, True]
