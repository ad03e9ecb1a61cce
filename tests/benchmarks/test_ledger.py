"""The notes that two processes share, and what is counted when."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np

from benchmarks.measures import heartbeat
from benchmarks.measures.ledger import Ledger, Meter
from uSense.core.models import Box, Probe, Quality


def probe(value: int) -> Probe:
    """A small gray probe."""
    return Probe(np.full((4, 4, 3), value, np.uint8), Box(0, 0, 4, 4), Quality(1.0, 4.0, 1.0, 0.5))


def test_what_one_process_notes_the_other_one_reads(tmp_path: Path) -> None:
    """Two ledgers in the same folder share their times and their probes."""
    written = Ledger.new(tmp_path / "ledger")
    read = Ledger(tmp_path / "ledger")

    written.frames[3] = 12.5
    written.keep(0, [probe(7), probe(8)])

    assert read.frames[3] == 12.5
    assert not read.searches.any()
    assert 0 < read.embeddings[0] <= time.monotonic()
    assert [int(one.crop[0, 0, 0]) for one in read.batch(0)] == [7, 8]


def test_cpu_time_counts_from_the_end_of_the_warm_up() -> None:
    """Calls of the warm-up are counted but cost nothing; the process and its threads are measured between two marks."""
    meter = Meter()
    meter.note("detect", 0.0)
    meter.begin()
    meter.note("embed", time.thread_time() - 1.0)
    meter.end()

    assert meter.spent.counts == {"detect": 1, "embed": 1}
    assert meter.spent.calls["detect"] == 0.0
    assert meter.spent.calls["embed"] >= 1.0
    assert 0 <= meter.spent.cpu < 1.0
    assert "MainThread" in meter.spent.threads


class Lags(list[float]):
    """Tells when it has three entries."""

    def __init__(self) -> None:
        super().__init__()
        self.three = asyncio.Event()

    def append(self, lag: float) -> None:
        super().append(lag)
        if len(self) == 3:
            self.three.set()


async def test_heartbeats_note_how_late_the_loop_is() -> None:
    """Nothing is noted before the measurement begins; then every heartbeat says how late it came."""
    meter = Meter()
    meter.spent.lags = lags = Lags()
    async with asyncio.timeout(30), heartbeat.beside(meter):
        await asyncio.sleep(2 * heartbeat.PERIOD)
        assert lags == []
        meter.begin()
        await lags.three.wait()

    assert min(lags) >= 0
