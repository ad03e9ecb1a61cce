"""Whether anything grows: the real service with three cameras at the highest rate that the machine bears.

    python benchmarks/soak.py [--minutes N] [--fps N] [--workers N] [--check] [--json]

A network camera, a film and a folder show people who come and go; once a second the process is looked at from outside
and what health says is noted. Dropped frames show that the detectors had no rest. Prints levels and slopes after a
warm-up of a fifth of the time, at least a minute; the slope of memory is a robust one (Theil and Sen). Needs mosquitto
and the packages of the `demo` extra.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from tests.faults.house import House

MEMORY = 8.0
"""Megabytes an hour that memory may seem to grow."""
BLUR = 2.0
"""Megabytes that it may seem to have grown in a run too short to tell."""
WAITING = 32
"""Items that may wait in a queue for a moment."""
LOSSES = ("events_dropped", "events_expired", "faces_dropped", "commands_refused")
QUEUES = ("faces_waiting", "messages_waiting")

Samples = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity at the beginning and at the end, and whether it keeps its bound."""

    name: str
    first: float
    last: float
    note: str
    kept: bool


async def sampled(minutes: float, fps: int, workers: int) -> Samples:
    """Run the house and look at its service once a second."""
    with TemporaryDirectory(prefix="usense-soak-") as folder:
        async with House(Path(folder), fps=fps, workers=workers) as house:
            service, rows = psutil.Process(house.service.pid), []
            begun = due = time.monotonic()
            while due < begun + 60 * minutes:
                rows.append(await asyncio.to_thread(look, service, house.health[1], due - begun))
                due += 1.0
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            ended = [f"the service ended with exit code {code}" for code in house.exits]
            complaints = [*ended, *house.ledger.lost(time.monotonic() - 5), *house.ledger.details]
    if complaints:
        sys.exit("\n".join(complaints))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def look(service: psutil.Process, health: dict[str, Any], seconds: float) -> dict[str, float]:
    """One sample; reads /proc."""
    with service.oneshot():
        found = {
            "seconds": seconds,
            "memory_mb": service.memory_info().rss / 1e6,
            "files": service.num_fds(),
            "threads": service.num_threads(),
            "cpu_s": sum(service.cpu_times()[:2]),
        }
    counts = health["counts"]
    found |= {name: counts.get(name, 0) for name in (*LOSSES, *QUEUES)}
    found |= {"fps": sum(health["fps"].values()), "looks": counts.get("looks", 0)}
    return found | {"frames_dropped": sum(health["frames_dropped"].values())}


def slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The median of the slopes between all pairs of at most 600 points (Theil 1950, Sen 1968)."""
    step = max(1, len(x) // 600)
    x, y = x[::step], y[::step]
    first, second = np.triu_indices(len(x), 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])))


def judged(samples: Samples) -> list[Row]:
    """What grew after the warm-up."""
    seconds = samples["seconds"]
    steady = seconds >= min(max(60.0, seconds[-1] / 5), seconds[-1] / 2)
    cut = {name: values[steady] for name, values in samples.items()}
    hours = (cut["seconds"][-1] - cut["seconds"][0]) / 3600
    fifth = max(1, len(cut["seconds"]) // 5)
    ends = {name: (np.median(values[:fifth]), np.median(values[-fifth:])) for name, values in cut.items()}
    growth = slope(cut["seconds"], cut["memory_mb"]) * 3600
    kept = growth <= MEMORY or growth * hours <= BLUR
    rows = [Row("memory, MB", *ends["memory_mb"], f"{growth:+.1f} MB/h", kept)]
    for name in ("files", "threads"):
        first, last = ends[name]
        rows.append(Row(name, first, last, f"most {cut[name].max():.0f}", bool(last <= first + 1)))
    rows += [Row(name, *ends[name], f"most {cut[name].max():.0f}", bool(ends[name][1] <= WAITING)) for name in QUEUES]
    rows += [Row(name, cut[name][0], cut[name][-1], "", bool(cut[name][-1] == cut[name][0])) for name in LOSSES]
    busy = (cut["cpu_s"][-1] - cut["cpu_s"][0]) / (3600 * hours)
    looks = (cut["looks"][-1] - cut["looks"][0]) / (3600 * hours)
    unused = (cut["frames_dropped"][-1] - cut["frames_dropped"][0]) / (3600 * hours)
    note = f"{unused:.0f} of them dropped, {looks:.1f} faces/s compared, {busy:.2f} processors"
    rows.append(Row("frames a second", *ends["fps"], note, kept=True))
    return rows


def main() -> None:
    """Measure, print, and with --check fail on what grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--fps", type=int, default=120, help="frames a second of each camera")
    parser.add_argument("--workers", type=int, default=2, help="detectors at work at once")
    parser.add_argument("--check", action="store_true", help="fail on what grows")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = judged(asyncio.run(sampled(asked.minutes, asked.fps, asked.workers)))
    if asked.json:
        print(json.dumps([{name: getattr(row, name) for name in Row.__slots__} for row in rows], default=float))
    else:
        print(f"{'':20}{'first fifth':>12}{'last fifth':>12}")
        for row in rows:
            print(f"{row.name:20}{row.first:12.1f}{row.last:12.1f}  {row.note}{'' if row.kept else '  GROWS'}")
    if asked.check and not all(row.kept for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
