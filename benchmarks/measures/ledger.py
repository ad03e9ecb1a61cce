"""What the service did with a film, noted while it runs, so that another process can do the same a moment later."""

from __future__ import annotations

import pickle
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from uSense.core.models import Probe

_MOST = 1000
"""Frames, searches or embeddings of a film at most."""


class Ledger:
    """Monotonic seconds of every call, in memory that two processes share; 0 for what has not happened.

    To write a number there costs the service next to nothing, unlike a pipe.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        times = np.asarray(np.memmap(folder / "ledger", np.float64, "r+", shape=(3, _MOST)))
        self.frames, self.searches, self.embeddings = times
        """When each frame was shown, when each was searched for faces, and when each batch of faces was embedded."""

    @classmethod
    def new(cls, folder: Path) -> Self:
        """An empty ledger in an empty folder."""
        folder.mkdir()
        (folder / "ledger").write_bytes(bytes(3 * _MOST * 8))
        return cls(folder)

    def keep(self, number: int, probes: Sequence[Probe]) -> None:
        """Note what the `number`-th batch consists of."""
        self._batch(number).write_bytes(pickle.dumps(probes))
        self.embeddings[number] = time.monotonic()

    def batch(self, number: int) -> Sequence[Probe]:
        """The probes of a batch."""
        probes: Sequence[Probe] = pickle.loads(self._batch(number).read_bytes())  # noqa: S301 - written by `keep`
        return probes

    def _batch(self, number: int) -> Path:
        return self._folder / f"batch-{number}"


@dataclass(slots=True)
class Spent:
    """CPU seconds from a frame of the film to its end."""

    frames: int = 0
    cpu: float = 0.0
    """Of the whole process."""
    threads: dict[str, float] = field(default_factory=dict)
    """Of each of Python's threads."""
    calls: dict[str, float] = field(default_factory=lambda: {"detect": 0.0, "embed": 0.0})
    """Inside the searches and embeddings alone."""
    counts: Counter[str] = field(default_factory=Counter)
    """How many of them there were in the whole film."""
    lags: list[float] = field(default_factory=list)
    """Seconds by which the event loop's heartbeats came too late."""


class Meter:
    """Measures the CPU time of the process it lives in."""

    def __init__(self) -> None:
        self.spent = Spent()
        self.running = False
        self._cpu = 0.0
        self._threads: dict[str, float] = {}

    def begin(self) -> None:
        """From here on it counts."""
        self._cpu, self._threads, self.running = time.process_time(), _clocks(), True

    def end(self) -> None:
        """The film is over."""
        spent, self.running = self.spent, False
        spent.cpu = time.process_time() - self._cpu
        spent.threads = {name: used - self._threads.get(name, 0.0) for name, used in _clocks().items()}

    def note(self, kind: str, begun: float) -> None:
        """Count a call of this thread that began at its CPU second `begun`."""
        self.spent.counts[kind] += 1
        if self.running:
            self.spent.calls[kind] += time.thread_time() - begun


def _clocks() -> dict[str, float]:
    """CPU seconds of every Python thread so far."""
    living = [(thread.name, thread.ident) for thread in threading.enumerate() if thread.ident is not None]
    return {name: time.clock_gettime(time.pthread_getcpuclockid(ident)) for name, ident in living}
