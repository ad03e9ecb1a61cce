"""`mqtt.embedded: true`: the service and its broker, and the commands beside them."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import psutil
import pytest

from tests.peers.service import Service
from tests.peers.witness import Witness
from tests.support import needs
from tests.support.ports import free_port
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)


def household(folder: Path) -> Service:
    """A service without a broker of the house."""
    needs.program("mosquitto", "mosquitto")
    return Service(folder, 1, mqtt={"embedded": True, "port": free_port()})


async def test_a_house_without_a_broker(tmp_path: Path) -> None:
    """Others connect with what `usense broker` shows; a broker that dies comes back; all ends together."""
    service = household(tmp_path / "s")
    before = await service.ask("broker")
    async with service:
        shown = json.loads(await service.done("broker", "--json"))
        login = {"user": shown["username"], "password": shown["password"]}
        async with Witness(shown["port"], **login) as witness:
            await witness.until(lambda: [one.text for one in witness.of("usense/status")][-1:] == ["online"])
            assert await service.ask("healthcheck") == (0, "well\n", "")
            (child,) = await asyncio.to_thread(children, service)
            child.kill()
            await witness.until(lambda: witness.subscribed > 1)
            await witness.until(lambda: [one.text for one in witness.of("usense/status")][-1:] == ["online"])
            await service.until_logged("mosquitto ended with code -9")
            service.send(signal.SIGTERM)
            assert await service.ended() == 0
            assert not service.logged("Traceback")
    assert before[0] == 2
    assert "no passwords yet" in before[2]
    assert shown["hosts"] == ["127.0.0.1"]


async def test_the_broker_does_not_outlive_a_killed_service(tmp_path: Path) -> None:
    """And the next run can start at once on the same port."""
    service = household(tmp_path / "s")
    async with service:
        (child,) = await asyncio.to_thread(children, service)
        await service.kill()
        service.lines.clear()
        await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
        await service.start()
        await service.until_logged('"connected"')


def children(service: Service) -> list[psutil.Process]:
    """The processes that the service started."""
    assert service._process is not None
    return psutil.Process(service._process.pid).children()
