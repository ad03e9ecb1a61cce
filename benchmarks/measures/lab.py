"""Where the measurements are made: processes of their own, a broker, films, somebody who is enrolled."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

import aiomqtt

from benchmarks.measures import films, replay, service
from benchmarks.measures.ledger import Ledger, Spent
from uSense.core.models import Rgb
from uSense.demo import portraits
from uSense.demo.broker import LOOPBACK
from uSense.demo.client import decode
from uSense.demo.portraits import GRACE
from uSense.demo.scene import Scene
from uSense.detectors import AnyDetector
from uSense.parts import open_control
from uSense.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
Pair: TypeAlias = tuple[Spent, Spent]
"""The service and its replay."""
Plan: TypeAlias = Mapping[Path, Callable[[Scene], Iterator[Rgb]]]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment in which numerical libraries keep to one thread; to be set before they are loaded."""

_numbers = count()


async def in_process(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, partial(call, *args, **kwargs))


def on_one_processor(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a call in this process, which from now on keeps to the last processor."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return call(*args, **kwargs)


def _anywhere(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return call(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class Films:
    """The video files, by what they show."""

    wide: Path
    moving: Path
    busy: Path
    empty: Path
    person: Path

    @classmethod
    async def shot(cls, folder: Path) -> Films:
        """Draw and encode them, two at a time."""
        made = cls(*(folder / f"{name}.mp4" for name in cls.__slots__))
        others: Plan = {
            made.empty: partial(films.still, person=False),
            made.person: partial(films.still, person=True),
            made.busy: films.busy,
        }
        await asyncio.gather(
            in_process(_shoot, {made.wide: films.wide, made.moving: films.moving}), in_process(_shoot, others)
        )
        return made


def _shoot(plan: Plan) -> None:
    scene = Scene.build()
    for path, pictures in plan.items():
        films.write(path, pictures(scene))


@dataclass(frozen=True, slots=True)
class Lab:
    """Services in front of films; they share a broker, a detector's settings and a gallery with one person."""

    folder: Path
    port: int
    detector: AnyDetector

    def settings(self, film: Path, **others: Any) -> Settings:
        """A service of its own for a film."""
        return Settings.model_validate(
            {
                "instance": film.stem,
                "data_dir": self.folder / "data",
                "mqtt": {"host": LOOPBACK, "port": self.port, "prefix": film.stem},
                "cameras": {"film": {"kind": "stream", "url": str(film)}},
                "detector": self.detector,
                **others,
            }
        )

    async def enroll(self) -> None:
        """Enroll one of the two people, as the command line does."""
        async with open_control(self.settings(self.folder / "enroll")) as control:
            await control.create_person(GRACE.name)
            for number, picture in enumerate(await asyncio.to_thread(portraits.pictures, GRACE)):
                await control.add_face(GRACE.name, picture, f"picture {number}")
            await control.train()

    async def alone(self, film: Path, *, warm_up: int) -> Spent:
        """What the service spends on a film."""
        return await in_process(service.run, self.settings(film), self._ledger(), warm_up=warm_up)

    async def compared(self, film: Path, **how: Any) -> Pair:
        """What the service and the bare replay of its calls spend on a film, both on the same processor.

        One processor is often slower than the other for a while, and threads that change theirs find its cache cold.
        """
        return await self._pair(on_one_processor, self.settings(film), film, how)

    async def beating(self, settings: Settings, film: Path, **how: Any) -> Pair:
        """The event loops of the service and of a replay, on all processors."""
        return await self._pair(_anywhere, settings, film, {**how, "beats": True})

    async def _pair(self, place: Callable[..., Any], settings: Settings, film: Path, how: Mapping[str, Any]) -> Pair:
        folder = self._ledger()
        served, replayed = await asyncio.gather(
            in_process(place, service.run, settings, folder, **how),
            in_process(place, replay.run, settings, film, folder, **how),
        )
        if (served.counts, served.frames) != (replayed.counts, replayed.frames):
            raise RuntimeError(f"the replay is not the same: {replayed} instead of {served}; is the machine busy?")
        return served, replayed

    def _ledger(self) -> Path:
        folder = self.folder / f"ledger-{next(_numbers)}"
        Ledger.new(folder)
        return folder


@asynccontextmanager
async def listening(port: int, prefix: str) -> AsyncIterator[list[float]]:
    """Seconds from each deciding picture to the message's arrival at another client, while the block runs."""
    delays: list[float] = []
    async with aiomqtt.Client(LOOPBACK, port) as client:
        await client.subscribe(f"{prefix}/identity", qos=1)

        async def listen() -> None:
            async for message in client.messages:
                now = time.time()
                received = decode(message.topic.value, bytes(message.payload), retain=message.retain)
                if received is not None:
                    delays.append(now - datetime.fromisoformat(received.payload["captured_at"]).timestamp())

        task = asyncio.create_task(listen(), name="listener")
        yield delays
        task.cancel()
