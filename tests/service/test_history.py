"""What the real service tells its pages, and what outlives it."""

from __future__ import annotations

import signal
from pathlib import Path

import aiohttp
import pytest

from tests.browser.house import House
from tests.peers.household import Household
from uSense.core.history import Kind
from uSense.storage import open_storage

pytestmark = [pytest.mark.proof, pytest.mark.timeout(120)]


async def test_what_happened_is_written_down_at_the_end(tmp_path: Path, household: Household) -> None:
    """The pages hear health and presence like the broker does, and the disk has who came when the service is gone."""
    async with House(tmp_path, household, "Grace") as house:
        word = (await house.service.done("token", "add", "scraper", "--scope", "read")).strip()
        house.hall.seen = "Grace"
        await house.service.until_logged('"recognized"')
        async with aiohttp.ClientSession(house.origin, headers={"Authorization": f"Bearer {word}"}) as visitor:
            async with visitor.get("/api/v1/events", params={"kinds": "state"}) as events:
                awaited = [(b'"house"', b"Grace"), (b'"health"', b'"fps":{"hall"')]
                async for line in events.content:
                    awaited = [words for words in awaited if not all(word in line for word in words)]
                    if not awaited:
                        break
            async with visitor.get("/api/v1/states") as states:
                assert '"health"' in await states.text()
            async with visitor.get("/metrics") as metrics:
                assert 'usense_camera_frames_per_second{camera="hall"}' in await metrics.text()
        house.service.send(signal.SIGTERM)
        await house.service.ended()

    async with open_storage(tmp_path / "service" / "data") as storage:
        kept = await storage.happenings.load()
    assert [one.kind for one in kept[-2:]] in ([Kind.SEEN, Kind.ARRIVED], [Kind.ARRIVED, Kind.SEEN])
    assert {one.camera for one in kept} == {"hall"}
