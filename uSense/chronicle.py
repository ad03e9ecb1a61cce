"""Remembers what happened in the last days and how the service was in the last day, for the pages that show it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from uSense.core.errors import StorageError
from uSense.core.events import Event, Notice, Sighting, SightingType, State
from uSense.core.history import DAY, MOST, Happening, History, Kind, Trust, Vitals, signs
from uSense.ports import Happenings

log = structlog.get_logger()

EVERY = 300.0
"""Seconds after which what happened is written down: each writing wears the card."""
BATCH = 200
"""Happenings that are written down earlier."""
NAMES = 10_000
"""Names of people that are known at most, to be left out of reports of bugs."""

_SIGHTINGS = {
    SightingType.RECOGNIZED: Kind.SEEN,
    SightingType.UNKNOWN: Kind.UNKNOWN,
    SightingType.CHANGED: Kind.CORRECTED,
}
_NOTICES = {
    "person.arrived": Kind.ARRIVED,
    "person.left": Kind.LEFT,
    "camera.lost": Kind.CAMERA_LOST,
    "camera.back": Kind.CAMERA_BACK,
}


class Chronicle:
    """Hears everything that is told; `run` it to have it written down."""

    def __init__(
        self,
        store: Happenings,
        days: float,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history = History(days * DAY)
        self.vitals = Vitals()
        self.names: dict[str, str] = {}
        """Ids by every name that was known since the start, also of people who are gone."""
        self.problems: dict[str, str] = {}
        self._store = store
        self._clock = clock
        self._steady = steady
        self._trust = Trust()
        self._people: frozenset[str] | None = None
        self._report: Mapping[str, Any] = {}
        self._reported = 0.0
        self._full = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Remember it; never waits."""
        now = self._clock()
        match event:
            case Sighting():
                self._add(
                    Happening(
                        event.captured_at, _SIGHTINGS[event.type], event.camera, event.person_id, event.visitor_id
                    )
                )
            case Notice():
                self._noticed(event, now)
            case State(topic="people"):
                self._meet({one["name"]: one["person_id"] for one in event.value})
                self._people = frozenset(one["person_id"] for one in event.value)
                self.history.keep_people(self._people)
            case State(topic="health"):
                self._note_health(event.value, now)
            case _:
                pass

    async def run(self) -> None:
        """Read what an earlier run kept, then write down what happens until canceled."""
        try:
            rows = await self._store.load()
        except StorageError as error:
            self._trouble(error)
        else:
            self.history.load(rows)
            if self._people is not None:
                self.history.keep_people(self._people)
        while True:
            self._full.clear()
            try:
                async with asyncio.timeout(EVERY):
                    await self._full.wait()
            except TimeoutError:
                pass
            await self.finish()
            if self.problems:
                await asyncio.sleep(EVERY)

    async def finish(self) -> None:
        """Write down what is not; what the disk does not take stays for the next time."""
        now = self._clock()
        oldest = self.history.oldest(now) if self._trust.look(now, self._steady()) else -math.inf
        self.history.expire(oldest)
        batch = self.history.unsaved
        if not batch:
            return
        try:
            await self._store.keep([*batch.values()], oldest, MOST)
        except StorageError as error:
            self._trouble(error)
        else:
            self.history.saved(batch)
            self.problems.clear()

    def _noticed(self, notice: Notice, now: float) -> None:
        data = notice.data
        if notice.type in _NOTICES:
            camera = str(data.get("camera") or "")
            self._add(Happening(now, _NOTICES[notice.type], camera, data.get("person_id"), None, _detail(data)))
        elif notice.type == "train.finished":
            done = data.get("state") == "succeeded"
            detail = f"{data.get('persons', 0)}, {data.get('faces', 0)}" if done else ""
            self._add(Happening(now, Kind.TRAINED if done else Kind.TRAINING_FAILED, detail=detail))
        elif notice.type == "person.merged":
            self.history.merge(data["person_id"], data["into"])
        elif notice.type in {"visitor.expired", "visitor.named"}:
            self.history.forget_visitor(str(data.get("visitor_id")))

    def _add(self, happening: Happening) -> None:
        self.history.add(happening)
        if len(self.history.unsaved) >= BATCH:
            self._full.set()

    def _meet(self, names: Mapping[str, str]) -> None:
        self.names |= names
        while len(self.names) > NAMES:
            del self.names[next(iter(self.names))]

    def _note_health(self, report: Mapping[str, Any], now: float) -> None:
        elapsed = self._steady() - self._reported if self._report else 0.0
        self.vitals.add(now, signs(report, self._report, elapsed))
        self._report, self._reported = report, self._steady()

    def _trouble(self, error: StorageError) -> None:
        if not self.problems:
            log.warning("history not written", problem=str(error))
        self.problems["history"] = str(error)


async def forget(store: Happenings) -> None:
    """Erase what an earlier run kept: without pages nobody would see it, nor would it ever be too old."""
    try:
        await store.keep([], math.inf, 0)
    except StorageError as error:
        log.warning("history not erased", problem=str(error))


def _detail(data: Mapping[str, Any]) -> str:
    """Why, as far as there is a reason; never a name."""
    return str(data.get("reason") or "")[:200]
