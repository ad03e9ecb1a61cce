"""What the pages cost: processor time with nobody looking, a live view, and idle listeners; how quick a kiosk is.

    python benchmarks/web.py [--rounds N] [--seconds N] [--visits N] [--check] [--json]

Two real services watch the same pictures at 640 x 480 and 5 a second at the same time, one with the pages and one
without. In turn nobody looks, one looks at the live view, twenty listen to the events. Counted is the processor time
of each service with all its processes; what the pages add is the difference, in parts of one core and of what the
other one takes. The two change places after each half of the rounds. Then people come and go before a kiosk: how
long after they were recognized it has their own page. Needs mosquitto.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import aiohttp
import psutil
from PIL import Image

from benchmarks.measures import kiosk
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.support.portraits import EILEEN, GRACE, pose
from tests.support.ports import free_port

Job: TypeAlias = Callable[[Callable[[int], None]], Coroutine[None, None, None]]
"""Asks the pages, and hands on the size of everything it gets."""

VIEW = (640, 480)
FPS = 5
PICTURES = 40
LISTENERS = 20
SETTLE = 5.0
"""Seconds after a change that do not count."""
PHASES = ("nobody", "viewer", "listeners")
BOUNDS = {"nobody": 0.01, "viewer": 0.15, "listeners": 0.01}
"""Most that the pages may add, in parts of a core."""
SOON = 1.0
"""Seconds after the decision within which everybody's own page is there."""


@dataclass(frozen=True, slots=True)
class Took:
    """Processor seconds a second of both services during a phase, and what was delivered."""

    phase: str
    with_pages: float
    without: float
    delivered: int

    @property
    def added(self) -> float:
        """Parts of a core."""
        return self.with_pages - self.without


@dataclass(frozen=True, slots=True)
class Reader:
    """One who asks the pages."""

    client: aiohttp.ClientSession
    base: str

    async def look(self, got: Callable[[int], None]) -> None:
        """Take every picture of the live view."""
        async with self.client.ws_connect(f"{self.base}/live/hall") as socket:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    got(len(message.data))

    async def listen(self, got: Callable[[int], None]) -> None:
        """Take every event."""
        async with self.client.get(f"{self.base}/api/v1/events") as answer:
            answer.raise_for_status()
            async for line in answer.content:
                if line.startswith(b"data:"):
                    got(len(line))


def paint(folder: Path) -> None:
    """What the camera sees: now one, now the other, who moves a little."""
    folder.mkdir()
    for number in range(PICTURES):
        picture = Image.new("RGB", VIEW, (90, 90, 90))
        portrait = Image.fromarray(pose(GRACE if number < PICTURES / 2 else EILEEN, 0))
        picture.paste(portrait, (100 + 2 * number, 60))
        picture.save(folder / f"{number:02}.png")


def spent(pid: int) -> float:
    """Processor seconds of a service and of all its processes."""
    process = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))


@asynccontextmanager
async def services(folder: Path, port: int, *, pages_first: bool) -> AsyncIterator[tuple[Service, Service, int]]:
    """Both, and the port of the pages."""
    web = free_port()
    camera = {"hall": {"kind": "folder", "path": str(folder / "seen"), "hold": 1 / FPS}}
    pages, plain = (
        Service(folder / name, port, camera, instance=name, mqtt={"host": "127.0.0.1", "port": port, "prefix": name})
        for name in ("with", "without")
    )
    pages.settings["web"] = {"port": web}
    async with AsyncExitStack() as stack:
        for service in (pages, plain) if pages_first else (plain, pages):
            await stack.enter_async_context(service)
        yield pages, plain, web


@asynccontextmanager
async def audience(reader: Reader, phase: str) -> AsyncIterator[list[int]]:
    """Those who look or listen during a phase; yields the sizes of what they got."""
    got: list[int] = []
    jobs: Mapping[str, Sequence[Job]] = {
        "nobody": [],
        "viewer": [reader.look],
        "listeners": [reader.listen] * LISTENERS,
    }
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job(got.append)) for job in jobs[phase]]
        try:
            yield got
        finally:
            for task in tasks:
                task.cancel()


async def phase_of(phase: str, reader: Reader, pids: tuple[int, int], seconds: float) -> Took:
    """One phase."""
    async with audience(reader, phase) as got:
        await asyncio.sleep(SETTLE)
        begun, before, had = time.monotonic(), [spent(pid) for pid in pids], len(got)
        await asyncio.sleep(seconds)
        after, took = [spent(pid) for pid in pids], time.monotonic() - begun
        pages, plain = ((end - start) / took for start, end in zip(before, after, strict=True))
        return Took(phase, pages, plain, len(got) - had)


async def measured(rounds: int, seconds: float) -> list[Took]:
    """All phases, so many times."""
    found: list[Took] = []
    with TemporaryDirectory(prefix="usense-web-") as name, Mosquitto(Path(name) / "broker") as broker:
        folder = Path(name)
        await asyncio.to_thread(paint, folder / "seen")
        for number in range(rounds):
            async with services(folder, broker.port, pages_first=number % 2 == 0) as (pages, plain, port):
                token = (await pages.done("token", "add", "benchmark", "--scope", "read")).strip()
                headers = {"Authorization": f"Bearer {token}"}
                async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(None)) as client:
                    reader = Reader(client, f"http://127.0.0.1:{port}")
                    found += [await phase_of(phase, reader, (pages.pid, plain.pid), seconds) for phase in PHASES]
    return found


def medians(found: Sequence[Took]) -> dict[str, float]:
    """What each phase adds: the viewer and the listeners on top of pages at which nobody looks."""
    added = {phase: statistics.median(took.added for took in found if took.phase == phase) for phase in PHASES}
    return {phase: value - (added["nobody"] if phase != "nobody" else 0) for phase, value in added.items()}


def table(found: Sequence[Took]) -> str:
    """For people."""
    added = medians(found)
    lines = [f"{'phase':12}{'with':>9}{'without':>9}{'added':>9}{'bound':>8}{'got':>8}   each round"]
    for phase in PHASES:
        rows = [took for took in found if took.phase == phase]
        pages, plain = (statistics.median(getattr(row, name) for row in rows) for name in ("with_pages", "without"))
        each = " ".join(f"{100 * row.added:+.1f}" for row in rows)
        got = sum(row.delivered for row in rows)
        lines.append(f"{phase:12}{pages:9.1%}{plain:9.1%}{added[phase]:9.1%}{BOUNDS[phase]:8.0%}{got:8}   {each}")
    return "\n".join(lines)


def kiosk_line(took: Sequence[float]) -> str:
    """For people."""
    half, most = statistics.median(took), max(took)
    return f"own page after the identity: p50 {half:.2f} s, max {most:.2f} s of {len(took)} visits; bound {SOON:.0f} s"


def failures(added: Mapping[str, float], own_pages: Sequence[float]) -> list[str]:
    """Bounds that are not kept."""
    costly = [
        f"{phase}: {added[phase]:.1%} of a core, {most:.0%} are allowed"
        for phase, most in BOUNDS.items()
        if added[phase] > most
    ]
    late = [f"own page: {took:.2f} s after the identity, {SOON:.0f} s are allowed" for took in own_pages if took > SOON]
    return costly + late


def main() -> None:
    """Measure, print, and with --check fail on what is too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each phase")
    parser.add_argument("--visits", type=int, default=12, help="of people before a kiosk")
    parser.add_argument("--check", action="store_true", help="fail on too much")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = asyncio.run(measured(asked.rounds, asked.seconds))
    with TemporaryDirectory(prefix="usense-kiosk-") as name:
        own_pages = asyncio.run(kiosk.own_pages(Path(name), asked.visits))
    if asked.json:
        print(json.dumps({"phases": [asdict(took) for took in found], "own_page_seconds": own_pages}))
    else:
        print(table(found), kiosk_line(own_pages), sep="\n\n")
    if asked.check and (wrong := failures(medians(found), own_pages)):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
