"""`usense run` as its users run it: a process, a broker, and another client that watches."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import signal
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.peers.household import Household
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import QUICK, Service
from tests.peers.witness import Witness, publish
from tests.support import contract
from tests.support.files import unopenable
from tests.support.portraits import EILEEN, GRACE, jpeg, pose

pytestmark = pytest.mark.timeout(180)


def photos(folder: Path, **people: Any) -> Path:
    """A folder with one sub-folder of three poses for each person."""
    for name, photo in people.items():
        (folder / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(pose(photo, number)).save(folder / name / f"{number}.png")
    return folder


def album(folder: Path, *pictures: Any) -> dict[str, Any]:
    """Settings of a folder camera that shows pictures over and over."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return {"kind": "folder", "path": str(folder), "hold": 1.0}


async def test_enrolled_people_are_named_over_mqtt(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """From photos to names: enrolled by the command line, seen by a camera, told with the receipt of the decision.

    Home Assistant is told whom it may expect, and the picture of each face comes before its identity.
    """
    camera = album(tmp_path / "album", pose(GRACE, 5), pose(EILEEN, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    service.settings["mqtt"]["snapshots"] = True
    told = await service.done("enroll", "--folder", str(photos(tmp_path / "photos", Grace=GRACE)))

    async with Witness(mosquitto.port) as witness, service:
        await witness.until(
            lambda: {one.json["type"] for one in witness.of("usense/identity")} >= {"recognized", "unknown"}
        )
        await witness.next("usense/identity/live", 2)
        await witness.next("usense/identity/name")
        await witness.next("usense/health")
        await witness.until(lambda: any("/person_" in one.topic for one in witness.seen))

    announced = {one.topic.split("/")[3]: one.json for one in witness.seen if one.topic.startswith("homeassistant/")}
    assert [device["device"]["name"] for device in announced.values()] == ["uSense test", "uSense hall", "Grace"]
    order = [one.topic for one in witness.seen if one.topic in {"usense/identity", "usense/camera/hall/snapshot"}]
    assert order[:4] == ["usense/camera/hall/snapshot", "usense/identity"] * 2
    identities = [one.json for one in witness.of("usense/identity")]
    with Image.open(io.BytesIO(witness.of("usense/camera/hall/snapshot")[0].payload)) as snapshot:
        assert (snapshot.format, max(snapshot.size) <= 400) == ("JPEG", True)
    assert "Grace: 3 faces kept" in told
    first, second = (next(one for one in identities if one["type"] == kind) for kind in ("recognized", "unknown"))
    assert (first["name"], second["name"]) == ("Grace", None)
    assert all(older["seq"] < newer["seq"] for older, newer in pairwise(identities))
    assert first["decision"]["score"] >= 0.5 > second["decision"]["score"]
    assert first["decision"]["recognizer"] == "local"
    assert 0 <= first["age_ms"] < 10_000
    assert all(0 < first["box"][side] < 1 for side in "xywh")
    assert not any(message.retain for message in witness.of("usense/identity"))
    live = [one.json["event_id"] for one in witness.of("usense/identity/live")]
    assert live == [one["event_id"] for one in identities if one["event_id"] in live]
    assert witness.of("usense/identity/name")[0].text == "Grace"
    assert witness.of("usense/health")[-1].json["state"] == "ok"


async def test_a_late_subscriber_finds_the_retained_topics(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Status, info, settings, people and cameras are there for whoever comes later; identities are not."""
    camera = album(tmp_path / "album", pose(GRACE, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    async with service, Witness(mosquitto.port) as early:
        await early.next("usense/identity")
        await early.until(lambda: any(one.text == "online" for one in early.of("usense/camera/hall/status")))
        async with Witness(mosquitto.port) as late:
            for topic in ("status", "info", "settings", "health", "people", "camera/hall/status", "camera/hall/paused"):
                await late.next(f"usense/{topic}")
            kept = {message.topic: message for message in late.seen if message.retain}

    assert kept["usense/status"].text == "online"
    assert kept["usense/camera/hall/status"].text == "online"
    assert kept["usense/camera/hall/paused"].text == "OFF"
    assert kept["usense/people"].json == []
    info = kept["usense/info"].json
    assert (info["instance"], info["detector"], info["cameras"]) == ("test", "dlib-hog", ["hall"])
    assert kept["usense/settings"].json["threshold"] == 0.5
    assert not any(topic.startswith("usense/identity") for topic in kept)


async def test_secrets_stay_out_of_what_is_published_and_logged(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Neither a camera's secrets nor the broker's password nor that of commands show on a topic or in the log."""
    camera = {
        "kind": "stream",
        "url": "rtsp://me:hush-hush@127.0.0.1:9/user=admin&password=hush-hush",
        "options": {"headers": "Authorization: hush-hush"},
    }
    mqtt = {"host": "127.0.0.1", "port": mosquitto.port, "username": "x", "password": "top-secret"}
    service = Service(
        tmp_path / "s", mosquitto.port, {"door": camera}, mqtt=mqtt, commands={"secret": "top-secret-of-commands"}
    )
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any("camera.lost" in message.text for message in witness.of("usense/event")))
        await witness.next("usense/info")
        await witness.next("usense/health")

    everything = "".join(message.text for message in witness.seen) + "".join(service.lines)
    assert "rtsp://127.0.0.1:9" in everything
    assert "hush-hush" not in everything
    assert "top-secret" not in everything


async def test_a_camera_that_left_the_settings_leaves_the_broker(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The next start removes the retained topics of a camera that is no more, and keeps those of the others."""
    album(tmp_path / "album", pose(GRACE, 5))
    camera = {"kind": "folder", "path": str(tmp_path / "album")}
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera, "door": camera})
    async with Witness(mosquitto.port, "usense/#") as witness, service:
        await witness.next("usense/camera/door/status")
        await witness.next("usense/info")
        service.send(signal.SIGTERM)
        await service.ended()
        service.settings["cameras"] = {"hall": camera}
        await service.kill()
        await service.start()
        await witness.until(lambda: witness.of("usense/camera/door/status")[-1].payload == b"")
        await witness.until(lambda: witness.of("usense/camera/door/paused")[-1].payload == b"")

    assert witness.of("usense/camera/hall/paused")[-1].text == "OFF"


async def test_sigterm_says_offline_and_ends_cleanly(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A stopped service says so itself, within five seconds, with exit code 0; systemd hears how it gets on."""
    service = Service(tmp_path / "s", mosquitto.port, {"hall": album(tmp_path / "album", pose(GRACE, 5))})
    service.environment = {"NOTIFY_SOCKET": str(tmp_path / "systemd"), "WATCHDOG_USEC": "180000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "systemd"))
        systemd.settimeout(30)
        async with Witness(mosquitto.port, "usense/status") as witness, service:
            await witness.until(lambda: [one.text for one in witness.seen][-1:] == ["online"])
            service.send(signal.SIGTERM)
            code = await service.ended(5)
            await witness.until(lambda: witness.seen[-1].text == "offline")
        news = [systemd.recv(100) for _ in range(3)]

    assert code == 0
    assert service.logged('"stopped"')
    assert news == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


async def test_sigterm_does_not_wait_for_what_blocks(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A picture on a dead network drive, which blocks whoever opens it, does not hold up the end."""
    camera = album(tmp_path / "album", pose(GRACE, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera})
    with unopenable(tmp_path / "album" / "0.png") as asked:
        async with Witness(mosquitto.port, "usense/status") as witness, service:
            await witness.until(lambda: [one.text for one in witness.seen][-1:] == ["online"])
            await asyncio.wait_for(asked.wait(), 30)
            service.send(signal.SIGTERM)
            code = await service.ended(5)
            await witness.until(lambda: witness.seen[-1].text == "offline")

    assert code == 0
    assert service.logged('"stopped"')


async def test_a_killed_service_leaves_its_will(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """When the process dies the broker says offline in its place."""
    service = Service(tmp_path / "s", mosquitto.port)
    async with Witness(mosquitto.port, "usense/status") as witness, service:
        await witness.until(lambda: [one.text for one in witness.seen][-1:] == ["online"])
        service.send(signal.SIGKILL)
        await witness.until(lambda: witness.seen[-1].text == "offline")


async def test_a_person_is_enrolled_over_mqtt_while_the_camera_runs(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """An unknown person gets their name as soon as faces are added and trained; both ways to send a picture work."""
    camera = album(tmp_path / "album", pose(EILEEN, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    port = mosquitto.port
    async with Witness(port) as witness, service:
        await witness.until(lambda: any(one.json["type"] == "unknown" for one in witness.of("usense/identity")))
        await publish(port, "usense/command/person/create", json.dumps({"name": "Eileen", "transaction": "t1"}))
        created = (await witness.next("usense/response/person/create")).json
        person = created["data"]["person_id"]
        await publish(port, f"usense/command/face/add/{person}", jpeg(pose(EILEEN, 1)))
        await witness.until(
            lambda: any("face/add" in message.topic for message in witness.seen if "response" in message.topic)
        )
        for number in (2, 3):
            image = base64.b64encode(jpeg(pose(EILEEN, number))).decode()
            await publish(port, "usense/command/face/add", json.dumps({"person_id": person, "image": image}))
        await publish(port, "usense/command/train", "{}")
        trained = (await witness.next("usense/response/train")).json
        await witness.until(lambda: any(one.json["name"] == "Eileen" for one in witness.of("usense/identity")))

    assert (created["status"], created["transaction"]) == ("ok", "t1")
    assert (trained["status"], trained["data"]["persons"], trained["data"]["faces"]) == ("ok", 1, 3)
    assert {"identity", "enroll.progress", "train.finished", "people"} <= contract.check_seen(witness.seen)
    kinds = [message.json["type"] for message in witness.of("usense/event")]
    assert kinds.count("enroll.progress") == 3
    assert "train.finished" in kinds
    assert witness.of("usense/people")[-1].json[0]["trained"] is True


def requests(grace: str, eileen: str) -> list[tuple[str, Any, str]]:
    """Commands with a right and a wrong payload each, and the code of what is answered; photos in base64."""
    return [
        ("info", {}, "ok"),
        ("person/list", {}, "ok"),
        ("person/create", "Eileen", "ok"),
        ("person/create", {"name": "eileen"}, "name_taken"),
        ("person/create", {"nam": "x"}, "bad_payload"),
        ("person/rename", {"person_id": "Eileen", "name": "Eileen Collins"}, "ok"),
        ("person/rename", {"person_id": "Nobody", "name": "x"}, "not_found"),
        ("face/add", {"person_id": "Eileen Collins", "image": eileen}, "ok"),
        ("face/add", {"person_id": "Eileen Collins", "image": grace}, "wrong_person"),
        ("face/add", {"person_id": "Eileen Collins", "image": "%%%"}, "bad_payload"),
        ("face/add", {"person_id": "Eileen Collins", "image": base64.b64encode(b"text").decode()}, "not_an_image"),
        ("face/delete", {"person_id": "Eileen Collins", "face_id": "none"}, "not_found"),
        ("train", {}, "ok"),
        ("train/status", {}, "ok"),
        ("identify", {"image": grace}, "ok"),
        ("identify", {"image": ""}, "empty"),
        ("verify", {"image": grace, "other": eileen}, "ok"),
        ("verify", {"image": grace, "person_id": "Grace"}, "ok"),
        ("verify", {"image": grace}, "bad_payload"),
        ("camera/pause", "hall", "ok"),
        ("camera/pause", "attic", "not_found"),
        ("camera/resume", {"camera": "hall"}, "ok"),
        ("settings/set", {"margin": 0.04}, "ok"),
        ("settings/set", {"margin": 0.04, "threshold": 2}, "bad_payload"),
        ("person/delete", "Eileen Collins", "ok"),
        ("person/delete", "Eileen Collins", "not_found"),
        ("coffee/make", {}, "unknown_command"),
    ]


async def test_every_command_answers_data_or_a_reason(
    tmp_path: Path, mosquitto: Mosquitto, household: Household
) -> None:
    """Each command is tried with a right and a wrong request on the running service; nothing stays unanswered."""
    camera = album(tmp_path / "album", pose(GRACE, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera})
    await household.moves_in(service, "Grace")
    grace, eileen = (base64.b64encode(jpeg(pose(photo, 6))).decode() for photo in (GRACE, EILEEN))
    asked = requests(grace, eileen)
    replies: list[dict[str, Any]] = []
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any(one.text == "online" for one in witness.of("usense/status")))
        for command, payload, _ in asked:
            topic = f"usense/response/{command}"
            count = len(witness.of(topic)) + 1
            body = payload if isinstance(payload, str) else json.dumps(payload)
            await publish(mosquitto.port, f"usense/command/{command}", body)
            replies.append((await witness.next(topic, count)).json)

    assert {f"response/{command}" for command, _, code in asked if code == "ok"} <= contract.check_seen(witness.seen)
    outcomes = [reply["error"]["code"] if reply["status"] == "error" else "ok" for reply in replies]
    assert outcomes == [expected for _, _, expected in asked]
    data = {
        name: [
            reply["data"]
            for (command, _, code), reply in zip(asked, replies, strict=True)
            if (command, code) == (name, "ok")
        ]
        for name in ("identify", "verify")
    }
    assert [face["name"] for face in data["identify"][0]["faces"]] == ["Grace"]
    assert [verdict["same"] for verdict in data["verify"]] == [False, True]


async def test_the_command_line_works_beside_the_service(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """What another process enrolls is taken over by the running service; what it erases is told by it."""
    camera = album(tmp_path / "album", pose(GRACE, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any(one.json["type"] == "unknown" for one in witness.of("usense/identity")))
        await service.done("enroll", "--folder", str(photos(tmp_path / "photos", Grace=GRACE)))
        await witness.until(lambda: any(one.json["name"] == "Grace" for one in witness.of("usense/identity")))
        await service.done("people", "forget", "Grace", "--yes")
        await witness.until(
            lambda: any(message.json["type"] == "person.erased" for message in witness.of("usense/event"))
        )
        await witness.until(lambda: witness.of("usense/people")[-1].json == [])
    assert {"person.erased", "identity", "people"} <= contract.check_seen(witness.seen)


async def test_a_paused_camera_tells_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A paused camera is closed and says so; resumed, it goes on."""
    service = Service(tmp_path / "s", mosquitto.port, {"hall": album(tmp_path / "album", pose(GRACE, 5))}, **QUICK)
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any(one.text == "online" for one in witness.of("usense/camera/hall/status")))
        await publish(mosquitto.port, "usense/command/camera/pause", "hall")
        await witness.until(lambda: witness.of("usense/camera/hall/status")[-1].text == "offline")
        await witness.until(lambda: witness.of("usense/camera/hall/paused")[-1].text == "ON")
        await publish(mosquitto.port, "usense/command/camera/resume", "hall")
        await witness.until(lambda: witness.of("usense/camera/hall/status")[-1].text == "online")


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"mqtt": {"hots": "x"}}, "mqtt.host"),
        ({"cameras": {"hall": {"kind": "strem", "url": "x"}}}, "cameras.hall.kind"),
        ({"voting": {"needed": 9}}, "voting"),
    ],
)
async def test_wrong_settings_end_with_a_sentence(tmp_path: Path, broken: dict[str, Any], words: str) -> None:
    """Exit code 2, the setting's path and what is right, and no traceback."""
    service = Service(tmp_path / "s", 1, **broken)

    code, _, err = await service.ask("run")

    assert code == 2
    assert words in err
    assert "Traceback" not in err


async def test_health_follows_trouble_at_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """What falls ill is told long before the next regular report, and so is that it is well again."""
    camera = album(tmp_path / "album", pose(GRACE, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, health_every=3600)
    async with Witness(mosquitto.port) as witness, service:
        await witness.until(lambda: any(one.text == "online" for one in witness.of("usense/camera/hall/status")))

        (tmp_path / "album").rename(tmp_path / "away")
        await witness.until(lambda: "camera hall: " in witness.of("usense/health")[-1].json["reason"])
        (tmp_path / "away").rename(tmp_path / "album")
        await witness.until(lambda: witness.of("usense/health")[-1].json["state"] == "ok")
    assert {"camera.lost", "camera.back", "health"} <= contract.check_seen(witness.seen)
