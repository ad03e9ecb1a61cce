"""Commands that ask the running service, as processes of their own; and the same where no service runs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.peers.household import Household
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import QUICK, Service
from tests.peers.witness import Witness, publish
from tests.support.portraits import EILEEN, GRACE, pose
from tests.support.shapes import check
from tests.support.waiting import until

HANGING = """
import sys, time
from uSense.cli import main
from uSense.storage import lock

lock.is_served = lambda _: time.sleep(600)
sys.argv[0] = "usense"
main()
"""


class Hanging(Service):
    """Commands on a machine whose data folder does not answer."""

    program = ("-c", HANGING)


SMALL = {"kind": "hog", "min_face": 40}
pytestmark = pytest.mark.timeout(180)


def album(folder: Path, *pictures: Any) -> dict[str, Any]:
    """Settings of a folder camera that shows pictures over and over."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return {"kind": "folder", "path": str(folder), "hold": 1.0}


async def online(witness: Witness) -> None:
    """Wait until the camera hall is there."""
    await witness.until(lambda: any(one.text == "online" for one in witness.of("usense/camera/hall/status")))


async def test_beside_a_running_service(tmp_path: Path, mosquitto: Mosquitto, household: Household) -> None:
    """Wait hears a name, snapshot gets a picture of the camera in use, healthcheck says well."""
    camera = album(tmp_path / "album", pose(GRACE, 5), pose(EILEEN, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    await household.moves_in(service, "Grace")
    async with Witness(mosquitto.port) as witness, service:
        await online(witness)
        heard, named, nobody = await asyncio.gather(
            service.ask("wait", "--timeout", "60", "--json"),
            service.ask("wait", "--timeout", "60", "--person", "grace"),
            service.ask("wait", "--timeout", "60", "--person", "Eileen"),
        )
        picture, small, missing = await asyncio.gather(
            service.ask("snapshot", "--json", "-o", str(tmp_path / "hall.jpg")),
            service.ask("snapshot", "--camera", "hall", "-o", str(tmp_path / "hall.png")),
            service.ask("snapshot", "--camera", "door"),
        )
        health = await service.ask("healthcheck", "--json")

    assert heard[0] == 0
    check("wait", heard[1])
    check("snapshot", picture[1])
    check("healthcheck", health[1])
    told = json.loads(heard[1])
    assert (told["name"], told["camera"]) == ("Grace", "hall")
    assert named[:2] == (0, "Grace\n")
    assert (nobody[0], missing[0]) == (2, 2)
    assert "there is no person 'Eileen'" in " ".join(nobody[2].split())
    assert "there is no camera 'door'" in " ".join(missing[2].split())
    assert picture[0] == 0
    taken = json.loads(picture[1])
    assert taken["service"] is True
    with Image.open(tmp_path / "hall.jpg") as photo:
        assert photo.format == "JPEG"
        assert photo.size == (taken["width"], taken["height"])
    assert small[0] == 0
    with Image.open(tmp_path / "hall.png") as photo:
        assert photo.format == "PNG"
    assert (health[0], json.loads(health[1])) == (0, {"healthy": True, "reason": ""})


async def test_wait_finds_who_is_there_already(tmp_path: Path, mosquitto: Mosquitto, household: Household) -> None:
    """Somebody who was told before counts at once, unless only who arrives from now on is awaited."""
    camera = album(tmp_path / "album", pose(GRACE, 5)) | {"hold": 600.0}
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera})
    await household.moves_in(service, "Grace")
    async with Witness(mosquitto.port) as witness, service:
        told = await witness.next("usense/identity", 1)
        there, named, new = await asyncio.gather(
            service.ask("wait", "--timeout", "60", "--json"),
            service.ask("wait", "--timeout", "60", "--person", "grace"),
            service.ask("wait", "--timeout", "7", "--new"),
        )
        await publish(mosquitto.port, "usense/command/camera/pause", "hall")
        await witness.until(lambda: witness.of("usense/camera/hall/status")[-1].text == "offline")
        away = await service.ask("wait", "--timeout", "2")

    assert there[0] == 0
    check("wait", there[1])
    assert json.loads(there[1])["event_id"] == told.json["event_id"]
    assert named[:2] == (0, "Grace\n")
    assert (new[0], away[0]) == (1, 1)


async def test_wait_does_not_outlive_its_time(tmp_path: Path) -> None:
    """Whatever hangs: here the data folder, which is looked into before anybody is asked."""
    service = Hanging(tmp_path / "s", 1)
    code, out, err = await service.ask("wait", "--timeout", "0.5")

    assert (code, out) == (1, "")
    assert "ended by force" in err


async def test_without_a_service(tmp_path: Path, mosquitto: Mosquitto, household: Household) -> None:
    """Wait is the service for that long and publishes, snapshot opens the camera, healthcheck is not well."""
    camera = album(tmp_path / "album", pose(GRACE, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    await household.moves_in(service, "Grace")
    async with Witness(mosquitto.port) as witness:
        code, out, err = await service.ask("wait", "--timeout", "60")
        await witness.until(lambda: any(one.json["name"] == "Grace" for one in witness.of("usense/identity")))
        await witness.until(lambda: [one.text for one in witness.of("usense/status")][-1] == "offline")
    assert (code, out) == (0, "Grace\n"), err

    taken = json.loads(await service.done("snapshot", "--json", "-o", str(tmp_path / "hall.jpg")))
    assert taken["service"] is False
    with Image.open(tmp_path / "hall.jpg") as photo:
        assert photo.size == (taken["width"], taken["height"])

    code, _, err = await service.ask("healthcheck")
    assert code == 1
    assert "no service is online below 'usense'" in err


async def test_wait_gives_up(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Nobody comes: exit code 1 and a sentence, with and without a service; Ctrl-C is 130."""
    service = Service(tmp_path / "s", mosquitto.port, {"hall": album(tmp_path / "album", pose(EILEEN, 5))}, **QUICK)
    alone = await service.ask("wait", "--timeout", "10")
    async with service:
        beside = await service.ask("wait", "--timeout", "4")
    for code, out, err in (alone, beside):
        assert (code, out) == (1, "")
        assert "nobody was recognized within" in err

    async with Witness(mosquitto.port, "usense/status") as witness:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "uSense", "--config", str(service.config), "wait"), cwd=service.root
        )
        try:
            await witness.until(lambda: any(one.text == "online" for one in witness.seen))
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 60) == 130
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_a_paused_camera_has_no_snapshot(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The sentence says why; the command over MQTT has the code `camera_offline`."""
    service = Service(tmp_path / "s", mosquitto.port, {"hall": album(tmp_path / "album", pose(GRACE, 5))}, **QUICK)
    async with Witness(mosquitto.port) as witness, service:
        await online(witness)
        await publish(mosquitto.port, "usense/command/camera/pause", "hall")
        await witness.until(lambda: witness.of("usense/camera/hall/status")[-1].text == "offline")
        code, _, err = await service.ask("snapshot")
        assert (code, err) == (1, "the camera hall is offline: it is paused\n")
        await publish(mosquitto.port, "usense/command/camera/snapshot", "door")
        reply = await witness.next("usense/response/camera/snapshot", 2)
        assert reply.json["error"]["code"] == "not_found"


async def test_a_snapshot_fits_what_the_broker_takes(tmp_path: Path) -> None:
    """The picture is made as small as a narrow broker wants it."""
    noisy = album(tmp_path / "album", pose(GRACE, 5))
    with Mosquitto(tmp_path / "mosquitto", extra="max_packet_size 20000") as narrow:
        service = Service(tmp_path / "s", narrow.port, {"hall": noisy}, **QUICK)
        async with Witness(narrow.port) as witness, service:
            await online(witness)
            await service.done("snapshot", "-o", str(tmp_path / "hall.jpg"))
    assert (tmp_path / "hall.jpg").stat().st_size < 15_000


async def test_health_is_told_in_plain_words(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A service that is ill, frozen or killed, and a broker that is away."""
    service = Service(tmp_path / "s", mosquitto.port, {"hall": album(tmp_path / "album", pose(GRACE, 5))}, **QUICK)
    async with Witness(mosquitto.port) as witness, service:
        await online(witness)
        (tmp_path / "album").rename(tmp_path / "away")
        await witness.until(lambda: "camera hall" in witness.of("usense/health")[-1].json["reason"])
        ill = await service.ask("healthcheck")
        service.send(signal.SIGSTOP)
        frozen = await service.ask("healthcheck", "--json")
        service.send(signal.SIGCONT)
    mosquitto.kill()
    away = await service.ask("healthcheck")

    assert ill[0] == frozen[0] == away[0] == 1
    assert "degraded: camera hall: " in ill[2]
    assert json.loads(frozen[1])["healthy"] is False
    assert "answer" in json.loads(frozen[1])["reason"]
    assert "nothing listens at" in away[2]


async def test_watch_shows_who_and_why_not(tmp_path: Path, mosquitto: Mosquitto, household: Household) -> None:
    """Names, reasons, cameras and health as lines and as JSON; a broker that comes back is found again."""
    tiny = Image.fromarray(pose(GRACE, 5)).resize((120, 120))
    canvas = Image.new("RGB", (640, 480), (90, 90, 90))
    canvas.paste(tiny, (200, 150))
    camera = album(tmp_path / "album", pose(GRACE, 5), np.asarray(canvas)) | {"hold": 4.0}
    explain = {"after": 0.5, "every": 0.5}
    quality = {"min_size": 100}
    service = Service(
        tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK, explain=explain, quality=quality, detector=SMALL
    )
    await household.moves_in(service, "Grace")
    async with service:
        plain, lines, back = await asyncio.gather(
            service.done("watch", "--seconds", "20"),
            service.done("watch", "--seconds", "20", "--json"),
            restarted(service, mosquitto),
        )
    assert "service     online" in plain
    assert "health      ok" in plain
    assert "hall        online" in plain
    assert "hall        Grace               score 0." in plain
    assert "hall        not recognized      the face is too small" in plain
    assert "camera.lost" not in plain
    for line in lines.splitlines():
        check("watch", line)
    messages = [json.loads(line) for line in lines.splitlines()]
    assert {"usense/status", "usense/health", "usense/identity", "usense/event"} <= {one["topic"] for one in messages}
    assert "was lost" in back[2]
    assert json.loads(back[1].splitlines()[-1])["topic"].startswith("usense/")


async def restarted(service: Service, mosquitto: Mosquitto) -> tuple[int, str, str]:
    """What watch tells while the broker is restarted, as soon as it and the two others have heard a name."""
    watching = asyncio.create_task(service.ask("watch", "--seconds", "30", "--json"))
    async with Witness(mosquitto.port, "usense/identity") as witness:
        await until(lambda: sum("usense/camera/+/status" in line for line in list(mosquitto.log)) >= 3, 60)
        await witness.next("usense/identity", len(witness.seen) + 1)
        mosquitto.restart()
        await witness.until(lambda: witness.subscribed > 1)
    return await watching


async def test_the_doctor_asks_the_service_about_its_cameras(
    tmp_path: Path, mosquitto: Mosquitto, household: Household
) -> None:
    """All is well beside a running service; a camera that is lost, and one it does not know, are told."""
    camera = album(tmp_path / "album", pose(GRACE, 5))
    service = Service(tmp_path / "s", mosquitto.port, {"hall": camera}, **QUICK)
    await household.moves_in(service, "Grace")
    async with Witness(mosquitto.port) as witness, service:
        await online(witness)
        well = await service.ask("doctor", "--json")
        (tmp_path / "album").rename(tmp_path / "away")
        await witness.until(lambda: "camera hall" in witness.of("usense/health")[-1].json["reason"])
        service.settings["cameras"]["door"] = {"kind": "folder", "path": str(tmp_path)}
        ill = await service.ask("doctor", "--json")
    assert not any(message.retain for message in witness.seen if message.topic == "usense/doctor" and message.payload)

    assert well[0] == 0, well[1]
    check("doctor", well[1])
    found = {one["check"]: one for one in json.loads(well[1])["findings"]}
    assert {one["state"] for one in found.values()} <= {"ok", "warning"}
    assert found["camera hall"]["text"] == "the running service gets its pictures"
    assert found["broker rights"]["state"] == found["people"]["state"] == "ok"
    assert "instance 'test'" in found["service"]["text"]
    assert ill[0] == 1
    found = {one["check"]: one for one in json.loads(ill[1])["findings"]}
    assert found["camera hall"]["state"] == found["service"]["state"] == "problem"
    assert "is offline in the running service: " in found["camera hall"]["text"]
    assert found["camera door"]["state"] == "warning"


async def test_the_doctor_opens_cameras_that_nobody_uses(tmp_path: Path) -> None:
    """And tells what the broker's access list lacks."""
    users = {"usense": "secret"}
    acl = "user usense\ntopic readwrite usense/status\ntopic read usense/#\n"
    with Mosquitto(tmp_path / "mosquitto", users=users, acl=acl) as broker:
        login = {"host": "127.0.0.1", "port": broker.port, "username": "usense", "password": "secret"}
        camera = album(tmp_path / "album", pose(GRACE, 5))
        service = Service(tmp_path / "s", broker.port, {"hall": camera}, mqtt=login)
        code, out, _ = await service.ask("doctor", "--json")
        login["password"] = "wrong"
        _, refused, _ = await service.ask("doctor", "--json")
    found = {one["check"]: one for one in json.loads(out)["findings"]}
    assert code == 1
    assert found["camera hall"]["state"] == "ok"
    assert found["service"]["text"] == "none runs at the moment"
    assert found["broker rights"]["state"] == "problem"
    assert "does not let user 'usense' publish to usense/command/doctor" in found["broker rights"]["text"]
    assert "read usense/#" in found["broker rights"]["todo"]
    denied = {one["check"]: one for one in json.loads(refused)["findings"]}
    assert "wrong user name or password" in denied["broker"]["text"]


async def test_who_may_not_read_what_the_service_tells_is_told_so(tmp_path: Path) -> None:
    """With the rights that the service needs the doctor names those that are missing, and blames nothing else."""
    rights = ("write usense/#", *(f"read usense/{one}" for one in ("command/#", "status", "info", "response/#")))
    acl = "user usense\n" + "".join(f"topic {one}\n" for one in rights)
    with Mosquitto(tmp_path / "mosquitto", users={"usense": "secret"}, acl=acl) as broker:
        login = {"host": "127.0.0.1", "port": broker.port, "username": "usense", "password": "secret"}
        camera = album(tmp_path / "album", pose(GRACE, 5))
        async with Service(tmp_path / "s", broker.port, {"hall": camera}, mqtt=login) as service:
            code, out, _ = await service.ask("doctor", "--json")
            _, _, said = await service.ask("watch", "--seconds", "4")
    found = {one["check"]: one for one in json.loads(out)["findings"]}
    assert code == 1
    assert "usense/doctor does not come back" in found["broker rights"]["text"]
    assert "cannot be read" in found["service"]["text"]
    assert "the running service has it" in found["camera hall"]["text"]
    assert "let user 'usense' read usense/#" in " ".join(said.split())
