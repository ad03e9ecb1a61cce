"""What the service writes to its disk: bytes a day and a year, and what that is of an SD card's life.

    python benchmarks/writes.py [--minutes N] [--check] [--json]

The real service with its default settings before a camera that shows an empty room, three people who come and go, and
strangers who come again. Its data folder is on an ext4 of its own, whose blocks the kernel counts, journal and
metadata included, so this needs root and a loop device; `/proc/<pid>/io` is read beside it. What is rare (start,
backup, sweeping) is measured one by one. A day is then made of all of it. Needs mosquitto and ../shared/faces.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from PIL import Image

from benchmarks import photos
from benchmarks.measures.disk import Disk, disk
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Witness
from uSense.core.history import MOST as MOST_ROWS
from uSense.core.history import Happening, Kind
from uSense.presence import KEEP
from uSense.storage import open_storage

KNOWN, ALBUM = 3, 5
"""People who are enrolled, with so many photos each."""
HOLD = 8.0
"""Seconds that a picture is shown: of somebody, or of the empty room between two of them."""
SCENES = ("empty", "people", "strangers")
AWAY = 7
"""Empty pictures in a row, in which everybody has left."""
WARM_UP = 20.0
"""Seconds after a start that do not count."""
ENDURANCE = 30e12
"""Bytes that a cheap SD card of 32 GB may bear; makers who say anything say 30 to 100 TB."""
INSIDE = 10
"""Times as much as it is told to write that a card may write inside: a guess to be careful, makers do not tell."""
MOST = 300e6
"""Bytes of a day that are allowed."""
LEAST_YEARS = 25
"""Years that a card has to bear it."""


@dataclass(frozen=True, slots=True)
class Day:
    """How often things happen in a day of the house that is taken for an example."""

    arrivals: int = 24
    """Of the people who live there: three, each eight times."""
    at_home: float = 14.0
    """Hours in which somebody of them counts as present."""
    strangers: int = 20
    """Visits of unknown people."""
    faces: int = 360
    """Kept of unknown people: thirty visitors with eight faces, forty who were seen once with three."""
    backups: int = 1
    sweeps: int = 4
    starts: int = 1
    broker_saves: int = 96
    """mosquitto's with `autosave_interval 900`, as the embedded one and that of docker/compose.yaml have it."""


@dataclass(slots=True)
class Scene:
    """What one scene took."""

    name: str
    seconds: float = 0.0
    written: int = 0
    process: int = 0
    """Bytes by `/proc/<pid>/io`."""
    log: int = 0
    """Bytes of the log."""
    counts: dict[str, int] = field(default_factory=dict)


class Housekeeper:
    """A service whose data folder is on the counted disk."""

    def __init__(self, folder: Path, where: Disk, port: int) -> None:
        self.folder = folder
        self.disk = where
        self.service = Service(folder / "s", port, data_dir=str(where.root / "data"))

    async def shown(self, scene: str, seconds: float, witness: Witness) -> Scene:
        """Play one scene."""
        room = self.folder / scene
        self.service.settings["cameras"] = {"hall": {"kind": "folder", "path": str(room), "hold": HOLD}}
        found = Scene(scene)
        async with self.service as service:
            await asyncio.sleep(WARM_UP)
            process = psutil.Process(service.pid)
            before, wrote, lines, begun = self.disk.written(), _io(process), len(service.lines), time.monotonic()
            start = _counts(witness)
            await asyncio.sleep(seconds)
            end = _counts(witness)
            found.seconds = time.monotonic() - begun
            found.written = self.disk.written() - before
            found.process = _io(process) - wrote
            found.log = sum(len(line) + 1 for line in service.lines[lines:])
            found.counts = {name: end[name] - start.get(name, 0) for name in end}
            service.send(signal.SIGTERM)
            await service.ended()
        return found

    async def once(self, what: str, call: Callable[[], Awaitable[object]]) -> Scene:
        """Something rare."""
        before, begun = self.disk.written(), time.monotonic()
        await call()
        return Scene(what, time.monotonic() - begun, self.disk.written() - before)

    async def started(self) -> None:
        """A start and an end."""
        async with self.service as service:
            service.send(signal.SIGTERM)
            await service.ended()

    async def backed_up(self) -> None:
        """The daily backup."""
        async with open_storage(self.disk.root / "data") as storage:
            await storage.archive.keep("auto")

    async def remember(self) -> Scene:
        """What happened in five minutes, beside as many rows as are kept at most."""
        rows = [Happening(time.time(), Kind.SEEN, "hall")] * MOST_ROWS
        async with open_storage(self.disk.root / "data") as storage:
            await storage.happenings.keep(rows, 0, MOST_ROWS)
            return await self.once("history", lambda: storage.happenings.keep(rows[:4], 0, MOST_ROWS))

    async def sweep(self) -> Scene:
        """A visitor who was not seen for too long is erased: the whole database is written anew."""
        async with open_storage(self.disk.root / "data") as storage:
            known = await storage.visitors.load()
            found = await self.once("sweep", lambda: storage.visitors.erase([known[0].visitor_id]))
        found.counts["faces"] = sum(len(visitor.faces) for visitor in known[1:]) + KNOWN * ALBUM
        return found


def paint(folder: Path) -> None:
    """The pictures of all scenes."""
    people = list(photos.persons().values())[:10]
    known, strangers = people[:KNOWN], people[KNOWN:]
    empty = Image.new("RGB", photos.VIEW, (90, 90, 90))
    for number, person in enumerate(known):
        album = folder / "album" / f"person {number}"
        album.mkdir(parents=True)
        for file in person[:ALBUM]:
            shutil.copy(photos.FACES / file, album)
    for name, cast, away in zip(SCENES, ([], known, strangers), (1, AWAY, 1), strict=True):
        room, shown = folder / name, list[Image.Image]()
        room.mkdir()
        for act in range(ALBUM):
            for person in cast:
                shown += [_before_the_camera(person[ALBUM + act]), empty]
            shown += [empty] * away
        for number, picture in enumerate(shown):
            picture.save(room / f"{number}.png")


def _before_the_camera(file: str) -> Image.Image:
    """The photo in the middle of a camera's picture."""
    photo = Image.open(photos.FACES / file).convert("RGB").resize((400, 400))
    picture = Image.new("RGB", photos.VIEW, (90, 90, 90))
    picture.paste(photo, (120, 40))
    return picture


async def measured(minutes: float) -> list[Scene]:
    """Everything, one after the other."""
    with TemporaryDirectory(prefix="usense-writes-") as name:
        folder = Path(name)
        await asyncio.to_thread(paint, folder)
        with disk(folder) as where:
            kept = f"persistence true\npersistence_location {where.root}/\n"
            with Mosquitto(folder / "broker", extra=kept) as broker:
                async with Witness(broker.port, "usense/health") as witness:
                    house = Housekeeper(folder, where, broker.port)
                    found = await played(house, minutes, witness)
                found.append(await house.once("broker saves", lambda: asyncio.to_thread(broker.stop)))
            return found


async def played(house: Housekeeper, minutes: float, witness: Witness) -> list[Scene]:
    """What happens in the house."""
    enroll = ("enroll", "--folder", str(house.folder / "album"))
    found = [await house.once("enrolling", lambda: house.service.done(*enroll))]
    found += [await house.shown(scene, 60 * minutes, witness) for scene in SCENES]
    house.service.settings["cameras"] = {"hall": {"kind": "folder", "path": str(house.folder / "empty")}}
    found.append(await house.once("start", house.started))
    found.append(await house.once("backup", house.backed_up))
    found.append(await house.remember())
    found.append(await house.sweep())
    return found


def _io(process: psutil.Process) -> int:
    """Bytes of pages that the process made dirty in files, and that are no longer its own alone."""
    return int(process.io_counters().write_bytes)


def _counts(witness: Witness) -> dict[str, int]:
    reports = witness.of("usense/health")
    return dict(reports[-1].json["counts"]) if reports else {}


def a_day(scenes: Sequence[Scene], day: Day) -> dict[str, float]:
    """Bytes that each part of a day takes."""
    by = {scene.name: scene for scene in scenes}
    people, strangers, sweep = by["people"], by["strangers"], by["sweep"]
    arrival = people.written / max(1, people.counts.get("sightings_recognized", 0))
    visit = strangers.written / max(1, strangers.counts.get("sightings_unknown", 0))
    return {
        "an empty room for 24 hours": by["empty"].written * 86_400 / by["empty"].seconds,
        f"{day.arrivals} arrivals and departures": arrival * day.arrivals,
        # A note is half of what an arrival and a departure take.
        f"{day.at_home:.0f} hours with somebody there": arrival / 2 * day.at_home * 3600 / KEEP,
        f"{day.strangers} visits of strangers": visit * day.strangers,
        # At worst no two of them fall into the same five minutes.
        f"{2 * day.arrivals + day.strangers} notes of what happened": by["history"].written
        * (2 * day.arrivals + day.strangers),
        f"{day.sweeps} sweeps, with {day.faces} faces kept": sweep.written
        / sweep.counts["faces"]
        * day.faces
        * day.sweeps,
        f"{day.backups} automatic backup": by["backup"].written * day.backups,
        f"{day.starts} restart": by["start"].written * day.starts,
    }


def table(scenes: Sequence[Scene], parts: dict[str, float], day: Day) -> str:
    """For people."""
    lines = [f"{'measured':32}{'minutes':>9}{'kB':>10}{'kB by /proc':>13}{'kB of log':>11}{'known':>7}{'unknown':>9}"]
    for scene in scenes:
        seen = [scene.counts.get(f"sightings_{kind}", 0) for kind in ("recognized", "unknown")]
        lines.append(
            f"{scene.name:32}{scene.seconds / 60:9.1f}{scene.written / 1e3:10.0f}{scene.process / 1e3:13.0f}"
            f"{scene.log / 1e3:11.1f}{seen[0]:7}{seen[1]:9}"
        )
    total = sum(parts.values())
    lines += ["", *(f"{name:41}{part / 1e3:10.0f} kB" for name, part in (*parts.items(), ("a day", total))), ""]
    lines.append(f"an hour {total / 24e6:.2f} MB, a day {total / 1e6:.1f} MB, a year {total * 365 / 1e9:.1f} GB")
    for what, each in (("", total), (f" if it writes {INSIDE} times as much inside", INSIDE * total)):
        lines.append(f"a card of {ENDURANCE / 1e12:.0f} TB lasts {ENDURANCE / each / 365:.0f} years{what}")
    broker = day.broker_saves * next(scene.written for scene in scenes if scene.name == "broker saves")
    lines.append(f"a mosquitto that keeps what is retained: {broker / 1e6:.1f} MB a day more")
    return "\n".join(lines)


def failures(parts: dict[str, float]) -> list[str]:
    """Bounds that are not kept."""
    total = sum(parts.values())
    years = ENDURANCE / (INSIDE * total) / 365
    found = [f"a day takes {total / 1e6:.0f} MB, {MOST / 1e6:.0f} are allowed"] if total > MOST else []
    return found + ([f"a card lasts {years:.0f} years, {LEAST_YEARS} are promised"] if years < LEAST_YEARS else [])


def main() -> None:
    """Measure, print, and with --check fail on what is too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="of each scene")
    parser.add_argument("--check", action="store_true", help="fail on too much")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    photos.present()
    scenes, day = asyncio.run(measured(asked.minutes)), Day()
    parts = a_day(scenes, day)
    if asked.json:
        print(json.dumps({"scenes": [asdict(scene) for scene in scenes], "day": parts}))
    else:
        print(table(scenes, parts, day))
    if asked.check and (wrong := failures(parts)):
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
