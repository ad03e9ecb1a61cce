"""What the demo needs of the machine's memory, as users start it."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

PERIOD = 0.25
LAST = 16
"""Samples at the end of the story that count as steady."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: what the service holds, and what all the demo's processes share out among them."""

    service: float
    service_peak: float
    demo: float
    demo_peak: float


async def run(seconds: int, without: Mapping[str, str]) -> Memory:
    """Run the demo for so long, in an environment `without` these variables."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uSense", "demo", "--seconds", str(seconds), "--json"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name not in without},
    )
    ended = asyncio.create_task(process.wait(), name="demo")
    samples: list[tuple[float, float]] = []
    while not (await asyncio.wait((ended,), timeout=PERIOD))[0]:
        if sample := await asyncio.to_thread(_sample, process.pid):
            samples.append(sample)
    if process.returncode:
        sys.exit(f"the demo ended with exit code {process.returncode}")
    services, demos = zip(*samples, strict=True)
    return Memory(
        service=statistics.median(services[-LAST:]),
        service_peak=max(services),
        demo=statistics.median(demos[-LAST:]),
        demo_peak=max(demos),
    )


def _sample(pid: int) -> tuple[float, float] | None:
    """RSS of the service, and the sum over all processes with shared pages counted once; None while none serves."""
    try:
        everybody = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        service = next((one for one in everybody if "run" in one.cmdline()), None)
        if service is None:
            return None
        return service.memory_info().rss, sum(one.memory_full_info().pss for one in everybody)
    except psutil.NoSuchProcess:
        return None
