"""How soon somebody's own page is there after they were recognized: the real service, and who comes and goes."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.browser.house import House
from tests.peers.household import Household

PEOPLE = ("Grace", "Eileen")
_WITHIN = 60.0
"""Seconds for everything that somebody's coming leads to."""
_AWAY = 10
"""Pictures without anybody, after which whoever comes next is somebody new."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who came, and when their page was there; seconds of the wall clock."""

    name: str
    came: float
    shown: float

    def waited(self, lines: Sequence[str]) -> float:
        """Seconds from the first decision that this is them, as the service's log has it."""
        said = [json.loads(line) for line in lines if '"event": "face decided"' in line]
        times = [dt.datetime.fromisoformat(one["timestamp"]).timestamp() for one in said if one["name"] == self.name]
        return self.shown - min(at for at in times if at > self.came)


async def own_pages(folder: Path, visits: int) -> list[float]:
    """Seconds from each decision until a kiosk has the own page; what a browser takes to show it is not in it."""
    web = {"kiosk": {"leave_after": 0}}
    async with House(folder / "house", Household(folder / "household"), *PEOPLE, web=web) as house:
        word = (await house.service.done("token", "add", "benchmark", "--scope", "kiosk")).strip()
        heads = {"Authorization": f"Bearer {word}"}
        async with (
            aiohttp.ClientSession(f"{house.origin}/me/", headers=heads, timeout=aiohttp.ClientTimeout(None)) as client,
            client.get("hall/events") as events,
        ):
            told = _told(events)
            found = [await _visit(house, PEOPLE[visit % len(PEOPLE)], client, told) for visit in range(visits)]
    return [visit.waited(house.service.lines) for visit in found]


async def _visit(house: House, name: str, client: aiohttp.ClientSession, told: AsyncIterator[bool]) -> Visit:
    """Somebody comes, sees their page and goes."""
    async with asyncio.timeout(_WITHIN):
        came, house.hall.seen = time.time(), name
        await _until(told, personal=True)
        async with client.get("hall/mine") as page:
            page.raise_for_status()
            await page.read()
        shown, house.hall.seen = time.time(), None
        await _until(told, personal=False)
        await house.hall.sent(_AWAY)
    return Visit(name, came, shown)


async def _told(events: aiohttp.ClientResponse) -> AsyncIterator[bool]:
    """Whether somebody's own page is to be shown, again and again."""
    events.raise_for_status()
    async for line in events.content:
        if line.startswith(b"data:"):
            yield json.loads(line.removeprefix(b"data:"))["personal"]


async def _until(told: AsyncIterator[bool], *, personal: bool) -> None:
    async for one in told:
        if one is personal:
            return
