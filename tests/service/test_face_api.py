"""`usense face-api` and its mount in `usense run`, as processes."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.peers.certificates import Authority
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness
from tests.support.portraits import GRACE, jpeg, pose

pytestmark = pytest.mark.timeout(120)


class Alone(Service):
    """`usense face-api` instead of `usense run`."""

    said: list[str]

    async def begin(self) -> None:
        self._ready.clear()
        self._process = await self._run(
            "face-api", stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24
        )
        self._reader = asyncio.create_task(self._read(self._process), name="service log")
        assert self._process.stdout is not None
        self.said = [(await self._process.stdout.readline()).decode() for _ in range(2)]
        self._ready.set()


HANGING = """
import sys, time
from uSense.cli import main
from uSense.recognizers.embedders.dlib import DlibEmbedder

DlibEmbedder.embed = lambda *_: time.sleep(600)
sys.argv[0] = "usense"
main()
"""


class Hanging(Alone):
    """Its net does not answer."""

    program = ("-c", HANGING)


async def answered(url: str, key: str, **options: Any) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    headers = {"Ocp-Apim-Subscription-Key": key}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url, **options) as answer:
        return answer.status, await answer.json()


async def test_it_says_where_it_is_and_what_to_try(tmp_path: Path) -> None:
    """The line to try works in a shell as it stands, also with a data folder that has a space in its name."""
    async with Alone(tmp_path / "my data", 1, face_api={"port": 0}) as alone:
        key_file = tmp_path / "my data" / "data" / "face-api.key"
        assert f"(key: in {key_file})" in alone.said[0]
        command = alone.said[1].removeprefix("try: ")
        shell = await asyncio.create_subprocess_shell(f"{command} -s".replace("\n", ""), stdout=asyncio.subprocess.PIPE)
        out, _ = await shell.communicate()
        assert out == b"[]"
        alone.send(signal.SIGTERM)
        assert await alone.ended() == 0


async def test_it_speaks_https_with_a_certificate(tmp_path: Path) -> None:
    """A client that trusts the authority is answered; the key may be one's own, from a file."""
    authority = Authority.create(tmp_path / "pem")
    (tmp_path / "key").write_text("an-old-key-of-2018\n", "utf-8")
    branch = {
        "port": 0,
        "key_file": str(tmp_path / "key"),
        "certificate": str(authority.server),
        "certificate_key": str(authority.server_key),
    }
    async with Alone(tmp_path / "s", 1, face_api=branch) as alone:
        found = re.search(r"https://\S+", alone.said[0])
        assert found is not None
        assert "(key: the one you gave)" in alone.said[0]
        trusting = ssl.create_default_context(cafile=str(authority.ca))
        url = f"{found[0]}/persongroups"

        assert await answered(url, "an-old-key-of-2018", ssl=trusting) == (200, [])
        assert not alone.logged("an-old-key-of-2018")
        assert not (tmp_path / "s" / "data" / "face-api.key").exists()


@pytest.mark.parametrize(
    ("branch", "words"),
    [
        ({"host": "0.0.0.0", "key": "short"}, "needs 16 signs"),  # noqa: S104 - it is refused
        ({"certificate": "none.pem"}, "there is no such file"),
        ({"key": "x", "key_file": "y"}, "give one of them"),
        ({"prot": 1}, "did you mean 'face_api.port'"),
    ],
)
async def test_wrong_settings_end_with_a_sentence(tmp_path: Path, branch: dict[str, Any], words: str) -> None:
    """Exit code 2, and no traceback."""
    code, out, err = await Service(tmp_path, 1, face_api={"port": 0, **branch}).ask("face-api")

    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


async def test_a_file_that_is_no_certificate_ends_with_a_sentence(tmp_path: Path) -> None:
    """It is found before anybody is told that it is served."""
    (tmp_path / "x.pem").write_text("no certificate", "utf-8")
    branch = {"port": 0, "certificate": str(tmp_path / "x.pem")}
    code, out, err = await Service(tmp_path, 1, face_api=branch).ask("face-api")

    assert (code, out) == (2, "")
    assert "must hold a certificate (PEM)" in err
    assert "Traceback" not in err


async def test_options_are_stronger_than_settings(tmp_path: Path) -> None:
    """Host, port and key file of the command line: a key too short for a whole network is refused there as well."""
    (tmp_path / "key").write_text("short", "utf-8")
    service = Service(tmp_path, 1, face_api={"host": "127.0.0.1", "key_file": "none"})

    code, _, err = await service.ask("face-api", "--host", "0.0.0.0", "--key-file", str(tmp_path / "key"))  # noqa: S104 - it is refused

    assert code == 2
    assert "face_api.key: a key for more than this machine (face_api.host) needs 16 signs" in err


async def test_one_process_serves_a_data_folder(tmp_path: Path) -> None:
    """A second one says so and ends."""
    async with Alone(tmp_path, 1, face_api={"port": 0}) as alone:
        code, _, err = await alone.ask("face-api")

        assert code == 2
        assert "serves the data folder" in err


async def test_the_service_serves_it_beside_the_cameras(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Its people are not those of the house, health counts its calls, and the key is nowhere."""
    key = "0123456789abcdef0123456789abcdef"
    service = Service(tmp_path, mosquitto.port, face_api={"enabled": True, "port": 0, "key": key}, health_every=1)
    async with Witness(mosquitto.port, "usense/#") as witness, service:
        await service.until_logged('"face api served"')
        (line,) = (line for line in service.lines if '"face api served"' in line)
        base = json.loads(line)["address"]
        headers = {"Ocp-Apim-Subscription-Key": key}
        async with aiohttp.ClientSession(headers=headers) as web:
            assert (await web.put(f"{base}/persongroups/house", json={"name": "house"})).status == 200
            person = await (await web.post(f"{base}/persongroups/house/persons", json={"name": "Grace"})).json()
            path = f"{base}/persongroups/house/persons/{person['personId']}/persistedfaces"
            octets = {"Content-Type": "application/octet-stream"}
            assert (await web.post(path, data=jpeg(pose(GRACE, 0)), headers=octets)).status == 200
        await witness.until(
            lambda: any(
                json.loads(one.text)["counts"].get("face_api_calls") == 3 for one in witness.of("usense/health")
            )
        )

        assert json.loads(await service.done("people", "list", "--json")) == []
        service.send(signal.SIGTERM)
        assert await service.ended() == 0
        assert key not in "".join(one.text for one in witness.seen)
    assert not service.logged(key)
    assert not service.logged("Traceback")


@pytest.mark.slow
async def test_a_net_that_hangs_ends_it(tmp_path: Path) -> None:
    """The process ends with exit code 1, to be started again."""
    async with Hanging(tmp_path, 1, face_api={"port": 0}, pipeline={"patience": 10}) as alone:
        assert alone.said[1], alone.lines
        found = re.search(r"http://\S+(?= )", alone.said[0])
        assert found is not None
        headers = {
            "Ocp-Apim-Subscription-Key": (tmp_path / "data" / "face-api.key").read_text("ascii").strip(),
            "Content-Type": "application/octet-stream",
        }
        async with aiohttp.ClientSession(headers=headers) as web:
            with pytest.raises(aiohttp.ClientError):
                await web.post(f"{found[0]}/detect", data=jpeg(pose(GRACE, 0)))
        assert await alone.ended() == 1
        assert alone.logged("embed-face-api has not answered for 10 s")
        assert not alone.logged("Traceback")


async def test_a_killed_training_is_not_running_for_ever(tmp_path: Path) -> None:
    """After kill -9 in the middle of trainings the state is that of before, succeeded or failed."""
    async with Alone(tmp_path, 1, face_api={"port": 0}) as alone:
        for number in range(2):
            found = re.search(r"http://\S+(?= )", alone.said[0])
            assert found is not None
            base, key = found[0], (tmp_path / "data" / "face-api.key").read_text("ascii").strip()
            group = f"{base}/persongroups/house"
            async with aiohttp.ClientSession(headers={"Ocp-Apim-Subscription-Key": key}) as web:
                if number == 0:
                    await web.put(group, json={"name": "house"})
                    person = await (await web.post(f"{group}/persons", json={"name": "Grace"})).json()
                    path = f"{group}/persons/{person['personId']}/persistedfaces"
                    octets = {"Content-Type": "application/octet-stream"}
                    await web.post(path, data=jpeg(pose(GRACE, 0)), headers=octets)
                    assert (await web.post(f"{group}/train")).status == 202
                    alone.send(signal.SIGKILL)
                    await alone.ended()
                    await alone.start()
                else:
                    state = await (await web.get(f"{group}/training")).json()
                    assert state["status"] in {"succeeded", "failed"}
                    assert (await web.post(f"{group}/train")).status == 202
