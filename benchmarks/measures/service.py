"""The service in front of a film, as `usense run` starts it, with notes of what it does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import uvloop

from benchmarks.measures import heartbeat
from benchmarks.measures.ledger import Ledger, Meter, Spent
from uSense import app, log, memory
from uSense.cameras.base import Inbox
from uSense.cameras.stream import Reader
from uSense.core.models import Face, Frame, Picture, Probe
from uSense.detectors.hog import HogDetector
from uSense.detectors.yunet import YunetDetector
from uSense.recognizers.embedders.dlib import DlibEmbedder
from uSense.settings import Settings

Method: TypeAlias = Callable[..., Any]


def run(settings: Settings, folder: Path, *, warm_up: int = 0, beats: bool = False) -> Spent:
    """Serve a film from its beginning to its end; `folder` has the ledger and gets the log.

    The measurement begins after `warm_up` frames: until then libraries are loaded and models run for the first time.
    """
    memory.spare()
    notes = Notes(Ledger(folder), Meter(), warm_up)
    with (folder / "service.log").open("w") as stream, notes.taken():
        log.configure(settings.log.level, "json", stream)
        uvloop.run(_serve(settings, notes.meter, beats=beats))
    return notes.meter.spent


async def _serve(settings: Settings, meter: Meter, *, beats: bool) -> None:
    async with heartbeat.beside(meter, wanted=beats):
        await app.serve(settings)


class Notes:
    """Lets the service note its calls, each by a number or two."""

    def __init__(self, ledger: Ledger, meter: Meter, warm_up: int) -> None:
        self.meter = meter
        self._ledger = ledger
        self._warm_up = warm_up
        self._shown = 0
        self._batches = 0
        self._numbers: dict[int, int] = {}

    def taken(self) -> ExitStack:
        """Put the notes around the service's methods until the stack is closed."""
        stack = ExitStack()
        for owner, name, around in (
            (Inbox, "put", self._showing),
            (YunetDetector, "_search", self._searching),
            (HogDetector, "_search", self._searching),
            (DlibEmbedder, "embed", self._embedding),
            (Reader, "run", self._reading),
        ):
            stack.enter_context(patch.object(owner, name, around(getattr(owner, name))))
        return stack

    def _showing(self, put: Method) -> Method:
        def noted(inbox: Inbox, frame: Frame) -> None:
            if self._shown == self._warm_up:
                self.meter.begin()
            self._numbers[id(frame.picture)] = self._shown
            self._ledger.frames[self._shown] = time.monotonic()
            self._shown += 1
            put(inbox, frame)

        return noted

    def _searching(self, search: Method) -> Method:
        def noted(detector: Any, picture: Picture) -> list[Face]:
            self._ledger.searches[self._numbers[id(picture)]] = time.monotonic()
            begun = time.thread_time()
            faces: list[Face] = search(detector, picture)
            self.meter.note("detect", begun)
            return faces

        return noted

    def _embedding(self, embed: Method) -> Method:
        def noted(embedder: DlibEmbedder, probes: Sequence[Probe]) -> Any:
            self._ledger.keep(self._batches, probes)
            self._batches += 1
            begun = time.thread_time()
            vectors = embed(embedder, probes)
            self.meter.note("embed", begun)
            return vectors

        return noted

    def _reading(self, read: Method) -> Method:
        def noted(reader: Reader) -> None:
            read(reader)
            self.meter.end()
            self.meter.spent.frames = self._shown - self._warm_up
            os.kill(os.getpid(), signal.SIGTERM)

        return noted
