"""The order to stop is obeyed in time, whatever the service is doing and whatever hangs."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.peers.certificates import Authority
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness
from tests.support.files import unopenable

pytestmark = pytest.mark.timeout(120)

CHANGED = """
import sys, time
from uSense import inference
from uSense.cli import main
from uSense.storage.database import Database

def hang(*_, **__):
    print("hanging", file=sys.stderr, flush=True)
    time.sleep(600)

{function} = hang
sys.argv[0] = "usense"
main()
"""


class Unloadable(Service):
    """A service whose models take minutes to load."""

    program = ("-c", CHANGED.format(function="inference.session"))


class Stuck(Service):
    """A service whose data folder does not answer any more when it is closed."""

    program = ("-c", CHANGED.format(function="Database._close"))


async def stop(service: Service) -> int:
    """Order it to stop; its exit code, if it obeys within five seconds."""
    service.send(signal.SIGTERM)
    return await service.ended(5)


@pytest.mark.parametrize("hanging", ["usense.yaml", "model.onnx", "data/usense.sqlite3", "data/key"])
async def test_a_start_that_hangs_is_given_up(tmp_path: Path, hanging: str) -> None:
    """While settings, a model or the data folder is read from a disk that does not answer, SIGTERM ends it at once."""
    detector = {"kind": "yunet", "path": str(tmp_path / "model.onnx")}
    service = Service(tmp_path, 1, detector=detector)
    (tmp_path / "model.onnx").write_bytes(b"x")
    await service.done("people", "list")
    with unopenable(tmp_path / hanging) as asked:
        await service.begin()
        try:
            await asyncio.wait_for(asked.wait(), 60)
            code = await stop(service)
        finally:
            await service.kill()

    assert code == 0
    assert not service.logged("Traceback")
    assert service.logged("ended by force") == hanging.startswith("data")


async def test_a_start_does_not_wait_for_models(tmp_path: Path) -> None:
    """SIGTERM while a model loads, which cannot be interrupted, ends it all the same."""
    service = Unloadable(tmp_path, 1)
    service.write()
    await service.begin()
    try:
        await service.until_logged("hanging")
        code = await stop(service)
    finally:
        await service.kill()

    assert code == 0
    assert any("ended by force" in line and "a model (embed) did not answer" in line for line in service.lines)


async def test_a_thread_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A file of the broker's settings on a dead disk: all is said and closed, and then the process does not wait."""
    ca = Authority.create(tmp_path / "tls").ca
    tls: dict[str, Any] = {"enabled": True, "ca": str(ca)}
    service = Service(tmp_path / "s", 1, mqtt={"host": "127.0.0.1", "port": 1, "tls": tls})
    async with service:
        with unopenable(ca) as asked:
            await asyncio.wait_for(asked.wait(), 60)
            code = await stop(service)

    assert code == 0
    assert service.logged('"stopped"')
    assert service.logged("ended by force")


async def test_a_data_folder_that_hangs_does_not_hold_up_the_end(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The service says offline, and ends although the database does not."""
    service = Stuck(tmp_path / "s", mosquitto.port)
    async with Witness(mosquitto.port, "usense/status") as witness, service:
        await witness.until(lambda: [one.text for one in witness.seen][-1:] == ["online"])
        code = await stop(service)
        await witness.until(lambda: witness.seen[-1].text == "offline")

    assert code == 0
    assert any("ended by force" in line and "the disk with the data folder did" in line for line in service.lines)
