"""One live service a prefix and a data folder, with real processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness, publish
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(120)


async def online(witness: Witness, count: int) -> None:
    """Wait until `online` was told so often."""
    await witness.until(lambda: [one.text for one in witness.seen].count("online") >= count)


async def test_a_second_service_ends_with_a_sentence(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Below the same prefix, or on the same data folder: exit code 2, and the first one is not disturbed."""
    first = Service(tmp_path / "first", mosquitto.port, instance="cellar")
    same_prefix = Service(tmp_path / "second", mosquitto.port, instance="attic")
    same_folder = Service(tmp_path / "third", mosquitto.port, data_dir=str(tmp_path / "first" / "data"))
    async with Witness(mosquitto.port, "usense/status", "usense/info") as witness, first:
        await witness.until(lambda: any(one.text == "online" for one in witness.of("usense/status")))
        told = len(witness.seen)
        prefix_taken, folder_taken = await asyncio.gather(same_prefix.ask("run"), same_folder.ask("run"))
        assert len(witness.seen) == told

    for code, out, err in (prefix_taken, folder_taken):
        assert (code, out) == (2, "")
        assert "Traceback" not in err
    assert "another uSense, instance 'cellar', is alive below the prefix 'usense'" in prefix_taken[2]
    assert f"serves the data folder {tmp_path / 'first' / 'data'}" in folder_taken[2]


async def test_a_killed_service_can_come_back_at_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Neither its lock nor its retained `online` keep its next run out, and what was set at run time counts again."""
    service = Service(tmp_path / "s", mosquitto.port)
    async with Witness(mosquitto.port, "usense/status", "usense/settings") as witness:
        for count in (1, 2):
            await service.start()
            await online(witness, count)
            if count == 1:
                await publish(mosquitto.port, "usense/command/settings/set", '{"threshold": 0.6, "repeat_after": 300}')
                await witness.next("usense/settings", 2)
            await service.kill()
    told = [message.json for message in witness.of("usense/settings")]
    assert [(one["threshold"], one["repeat_after"]) for one in told] == [(0.5, 60), (0.6, 300), (0.6, 300)]
    assert not service.logged("another uSense")


@asynccontextmanager
async def relay(port: int, to: int) -> AsyncIterator[None]:
    """Another port of the same broker, from now on."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", port):
        yield


async def test_the_rival_is_found_when_the_broker_comes(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A service that waited for the broker ends, too, if another one is there by then."""
    way = free_port()
    first = Service(tmp_path / "first", mosquitto.port, instance="cellar")
    second = Service(tmp_path / "second", way, instance="attic")
    async with first:
        await first.until_logged('"connected"')
        async with second:
            assert second.logged('"ready"')
            async with relay(way, mosquitto.port):
                assert await second.ended(60) == 2
        assert second.logged("instance 'cellar', is alive below the prefix")
        assert not first.logged("tells below the same prefix")
