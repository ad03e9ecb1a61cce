"""The order to stop is obeyed in time, whatever the service is doing and whatever hangs."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness
from tests.support.files import unopenable

pytestmark = pytest.mark.timeout(120)

STUCK = """
import sys, time
from uSense.storage.database import Database

Database._close = lambda database: time.sleep(600)

from uSense.cli import main

sys.argv[0] = "usense"
main()
"""


class Stuck(Service):
    """A service whose data folder does not answer any more when it is closed."""

    program = ("-c", STUCK)


async def stop(service: Service) -> int:
    """Order it to stop; its exit code, if it obeys within five seconds."""
    service.send(signal.SIGTERM)
    return await service.ended(5)


@pytest.mark.parametrize("hanging", ["usense.yaml", "model.onnx", "data/usense.sqlite3", "data/key"])
async def test_a_start_that_hangs_is_given_up(tmp_path: Path, hanging: str) -> None:
    """While settings, models or the data folder are read from a disk that does not answer, SIGTERM ends it at once."""
    detector = {"kind": "yunet", "path": str(tmp_path / "model.onnx")}
    service = Service(tmp_path, 1, detector=detector)
    (tmp_path / "model.onnx").touch()
    await service.done("people", "list")
    with unopenable(tmp_path / hanging) as asked:
        await service.begin()
        try:
            await asyncio.wait_for(asked.wait(), 30)
            code = await stop(service)
        finally:
            await service.kill()

    assert code == 0
    assert not service.logged("Traceback")
    assert service.logged("ended by force") == (hanging != "usense.yaml")


async def test_a_thread_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A file of the broker's settings on a dead disk: all is said and closed, and then the process does not wait."""
    ca = tmp_path / "ca.pem"
    ca.touch()
    tls: dict[str, Any] = {"enabled": True, "ca": str(ca)}
    service = Service(tmp_path / "s", 1, mqtt={"host": "127.0.0.1", "port": 1, "tls": tls})
    with unopenable(ca) as asked:
        async with service:
            await asyncio.wait_for(asked.wait(), 30)
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
    assert any("ended by force" in line and "storage" in line for line in service.lines)
