"""The same decode, detect and embed calls without the service: one thread, no event loop, no queues, no MQTT."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import uvloop

from benchmarks.measures import heartbeat
from benchmarks.measures.ledger import Ledger, Meter, Spent
from uSense.cameras.avpicture import AvPicture
from uSense.recognizers.embedders.base import Embedder
from uSense.settings import Settings

LAG = 1.05
"""Seconds by which the replay follows the service: half a frame out of step, so that they seldom compute at once."""
_PATIENCE = 60.0
"""Seconds to wait for the first frame."""


def run(settings: Settings, film: Path, folder: Path, *, warm_up: int = 0, beats: bool = False) -> Spent:
    """Do what the ledger in `folder` says, each call `LAG` seconds after the service did it.

    With `beats` the calls are made in a thread, beside an event loop that does nothing else but to beat.
    """
    return uvloop.run(_run(settings, film, Ledger(folder), warm_up, beats=beats))


async def _run(settings: Settings, film: Path, ledger: Ledger, warm_up: int, *, beats: bool) -> Spent:
    async with settings.detector.open() as detector:
        replay = Replay(ledger, detector, settings.recognizer.local.embedder.load(), warm_up)
        if beats:
            async with heartbeat.beside(replay.meter):
                await asyncio.to_thread(replay.play, film)
        else:
            replay.play(film)
    return replay.meter.spent


class Replay:
    """One pass through a film with the calls of a ledger."""

    def __init__(self, ledger: Ledger, detector: Any, embedder: Embedder, warm_up: int) -> None:
        self.meter = Meter()
        self._ledger = ledger
        self._detector = detector
        self._embedder = embedder
        self._warm_up = warm_up
        self._batch = 0

    def play(self, film: Path) -> None:
        """Wait for the service and follow it to the end of the film."""
        ledger, shown = self._ledger, 0
        patience = time.monotonic() + _PATIENCE
        while not ledger.frames[0]:
            if time.monotonic() > patience:
                raise TimeoutError("the service does not begin")
            time.sleep(0.05)
        for shown, frame in enumerate(_decoded(film), 1):
            if shown == self._warm_up + 1:
                self.meter.begin()
            _sleep_until(ledger.frames[shown - 1])
            self._calls(frame, ledger.searches[shown - 1], ledger.frames[shown] or math.inf)
        self.meter.end()
        self.meter.spent.frames = shown - self._warm_up

    def _calls(self, frame: av.VideoFrame, searched: float, until: float) -> None:
        """The search of a frame, if there was one, and the embeddings before the next frame."""
        if searched:
            _sleep_until(searched)
            begun = time.thread_time()
            self._detector._search(AvPicture(frame))  # noqa: SLF001 - the call itself, without its thread
            self.meter.note("detect", begun)
        while 0 < self._ledger.embeddings[self._batch] < until:
            _sleep_until(self._ledger.embeddings[self._batch])
            probes = self._ledger.batch(self._batch)
            self._batch += 1
            begun = time.thread_time()
            self._embedder.embed(probes)
            self.meter.note("embed", begun)


def _decoded(film: Path) -> Iterator[av.VideoFrame]:
    with av.open(film) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for packet in container.demux(video=0):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    yield frame


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at + LAG - time.monotonic()))
