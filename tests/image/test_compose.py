"""docker/compose.yaml: judged by docker-compose, and started for real beside a broker that makes its passwords."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import composed
from tests.peers.composed import Composed
from tests.peers.container import CANNOT, LAB, Engine
from tests.peers.service import QUICK
from tests.service.test_run import album, photos
from tests.support import needs
from tests.support.portraits import GRACE, pose

pytestmark = [pytest.mark.image, pytest.mark.timeout(300)]


def judged(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What docker-compose says of the file."""
    command = [str(LAB), "compose", *arguments]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    return needs.missing(said.stderr.strip()) if said.returncode == CANNOT else said


@pytest.mark.parametrize("profile", ["", "home-assistant"])
def test_docker_takes_the_file(tmp_path: Path, profile: str) -> None:
    """Alone, with Home Assistant, and with the cameras that docker/camera found."""
    (tmp_path / "video0").touch()
    found = subprocess.check_output([str(needs.ROOT / "docker" / "camera"), str(tmp_path)], text=True)
    cameras = tmp_path / "compose.override.yaml"
    cameras.write_text(found, "utf-8")

    alone = judged("--profile", profile, "config", "--quiet")
    told = judged("--file", str(cameras), "--profile", profile, "config", "--format", "json")

    assert (alone.returncode, alone.stderr) == (0, "")
    services = json.loads(told.stdout)["services"]
    assert ("home-assistant" in services) == bool(profile)
    assert services["usense"]["devices"][0]["source"] == str(tmp_path / "video0")
    assert "1883" in services["usense"]["group_add"]


def test_docker_would_find_a_mistake(tmp_path: Path) -> None:
    """A misspelt word is refused, so the test above says something."""
    (tmp_path / "more.yaml").write_text("services: {usense: {read_onli: true}}\n", "utf-8")

    said = judged("--file", str(tmp_path / "more.yaml"), "config", "--quiet")

    assert said.returncode != 0
    assert "read_onli is not allowed" in said.stderr


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """A session of podman with a network of its own."""
    with composed.network() as engine:
        yield engine


async def test_a_household_with_compose(engine: Engine, tmp_path: Path) -> None:
    """Everybody has their rights and no more, also on the pages; passwords and people outlast `down` and `up`."""
    camera = {"kind": "folder", "path": "album", "hold": 1.0}
    home = Composed(engine, tmp_path, cameras={"hall": camera}, **QUICK)
    album(home.settings / "album", pose(GRACE, 5))
    photos(home.settings / "photos", Grace=GRACE)
    (home.settings / "password").write_text("correct horse\n", "utf-8")
    await home.order("up", "--detach", "--no-build")
    passwords: dict[str, str] = {}
    for run in range(2):
        await asyncio.gather(home.healthy("mosquitto"), home.healthy("usense"))
        for user in ("house", "reader", "usense"):
            password = await home.password(user)
            assert passwords.setdefault(user, password) == password
        if run == 0:
            await _everybody_has_their_rights(home, passwords)
            code, out, err = await home.within("usense", "usense", "enroll", "--folder", "/etc/usense/photos")
            assert code == 0, out + err
            assert await home.page("/login") == "", "without a password nobody is let in"
            code, out, err = await home.within("usense", "usense", "passwd", "--password-file", "/etc/usense/password")
            assert code == 0, out + err
            await home.opened()
            await home.order("down")
            await home.order("up", "--detach", "--no-build")
    await home.opened()
    house = ("-u", "house", "-P", passwords["house"])
    people = json.loads(await home.request(house, "person/list", "{}"))
    (identity,) = await home.hear(house, "usense/identity/name")

    assert [one["name"] for one in people["data"]] == ["Grace"]
    assert identity == ("usense/identity/name", "Grace")
    await home.order("down", "--volumes")


async def _everybody_has_their_rights(home: Composed, passwords: dict[str, str]) -> None:
    assert sorted(map(len, passwords.values())) == [24, 24, 24]
    house, reader = (("-u", user, "-P", passwords[user]) for user in ("house", "reader"))
    for login in (house, reader):
        told = dict(await home.hear(login, "usense/status", "usense/info", count=2))
        assert told["usense/status"] == "online"
        assert json.loads(told["usense/info"])["instance"] == "pi"
    (discovery,) = await home.hear(house, "homeassistant/device/usense_pi/+/config")
    assert json.loads(discovery[1])["origin"]
    assert "Not authorized" in await home.say(reader, "usense/command/train", "{}")
    assert "Not authorized" in await home.say(house, "usense/identity", "{}")
    assert "not authori" in (await home.say(("-u", "house", "-P", "house"), "usense/command/train", "{}")).lower()
    assert "not authori" in (await home.say((), "usense/command/train", "{}")).lower()
    answer = json.loads(await home.request(house, "info", "{}"))
    assert answer["status"] == "ok"
    for service, command, refusal in (
        ("usense", "cat /run/broker/login/house", "Permission denied"),
        ("usense", "cat /run/broker/passwords", "Permission denied"),
        ("usense", "touch /run/broker/login/usense", "Permission denied"),
        ("usense", "touch /opt/usense/x", "Read-only"),
        ("mosquitto", "touch /mosquitto/config/x", "Read-only"),
        ("mosquitto", "id -u", "1883"),
        ("usense", "id -u", "1000"),
    ):
        _, out, err = await home.within(service, *command.split())
        assert refusal in out + err, (service, command, out, err)
    log = await home.log("mosquitto")
    assert "made passwords for: usense house reader" in log
    assert not [line for line in log.splitlines() if "Warning" in line or "Error" in line]
