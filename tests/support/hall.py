"""A hall with a camera, people who come and go, and what is told of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support import contract
from tests.support.household import MemoryNotebook
from tests.support.values import GOOD, answer, face, frame
from uSense.core.events import Event, Notice, Sighting, State
from uSense.core.presence import Eye, PresenceRules
from uSense.core.scene import Look, Scene, SceneRules
from uSense.core.tracking import TrackingRules
from uSense.core.voting import VotingRules
from uSense.ports import Notebook
from uSense.presence import Attending, Clocks

PEOPLE = {"a": "Anna", "b": "Bea"}
RULES = SceneRules(
    tracking=TrackingRules(lost_after=0.5, lost_looks=1), voting=VotingRules(needed=1, unknown_needed=1, window=1)
)


class Hall:
    """A camera `hall` whose faces stand at places, each of a person (None: a stranger), and its presence."""

    def __init__(self, keeper: Notebook | None = None, cameras: tuple[str, ...] = ("hall",), **rules: Any) -> None:
        self.now, self.wall = 1000.0, 1_790_000_000.0
        self.eye, self.blind = Eye.CLEAR, set[str]()
        self.cameras, self.where = cameras, cameras[0]
        self.keeper = keeper or MemoryNotebook()
        self.rules = PresenceRules(**rules)
        self.posted: list[Event] = []
        self.told: list[Sighting] = []
        self.runs = itertools.count()
        self.start()

    def start(self, people: dict[str, str] | None = None) -> None:
        """A new run of the service, which has not begun yet."""
        self.there: dict[float, str | None] = {}
        self.rooms = {name: Scene(name, RULES, f"r{next(self.runs)}") for name in self.cameras}
        clocks = Clocks(lambda: self.now, lambda: self.wall)
        self.attending = Attending(self.rules, self.rooms, self.sees, self, self.keeper, clocks)
        self.enrolled(people or PEOPLE)

    @property
    def scene(self) -> Scene:
        """Of the camera before which everybody is."""
        return self.rooms[self.where]

    def sees(self, camera: str) -> Eye:
        """What a camera can tell."""
        return Eye.BLIND if camera in self.blind else self.eye

    def post(self, event: Event) -> None:
        contract.check(event)
        self.posted.append(event)

    def enrolled(self, people: dict[str, str]) -> None:
        """Tell who is enrolled."""
        self.attending.hear(State("people", [{"person_id": one, "name": name} for one, name in people.items()]))

    def wait(self, seconds: float = 1.0) -> list[Event]:
        """Look once a second; what was posted."""
        before = len(self.posted)
        for _ in range(round(seconds)):
            self.now, self.wall = self.now + 1.0, self.wall + 1.0
            for name in set(self.cameras) - {self.where}:
                self.rooms[name].look([], frame(self.now))
            faces = {x: face(x) for x in self.there}
            for ask in self.scene.look(list(faces.values()), frame(self.now)).asks:
                who = next(one for x, one in self.there.items() if faces[x] is ask.face)
                look = Look(
                    track_id=ask.track_id,
                    captured_at=self.wall,
                    stamp=self.now,
                    box=ask.face.box,
                    frame_size=(640, 480),
                    quality=GOOD,
                )
                reply = answer((who, 0.8)) if who else answer(("a", 0.1))
                outcome = self.scene.answer(look, reply, event_id="e", seq=0)
                if outcome is not None and outcome.sighting is not None:
                    self.told.append(outcome.sighting)
                    self.attending.hear(outcome.sighting)
            self.attending.look()
        return self.posted[before:]

    @property
    def states(self) -> dict[str, Any]:
        """The newest value of every topic."""
        return {event.topic: event.value for event in self.posted if isinstance(event, State)}

    @property
    def notices(self) -> list[tuple[str, str]]:
        """Type and name of all events."""
        return [(event.type, event.data["name"]) for event in self.posted if isinstance(event, Notice)]


async def begun(hall: Hall) -> Hall:
    """The hall after the service began."""
    await hall.attending.begin()
    return hall


@asynccontextmanager
async def working(hall: Hall) -> AsyncIterator[Hall]:
    """The hall while its service runs."""
    await hall.attending.begin()
    task = asyncio.create_task(hall.attending.run())
    try:
        yield hall
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
