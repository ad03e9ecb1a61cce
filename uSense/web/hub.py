"""What happens, on its way to everybody who looks: the latest sightings, and a queue for each who listens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from uSense.core.errors import NotFoundError
from uSense.core.events import Event, Notice, Portrait, Sighting, State

LISTENERS = 64
"""Who may listen at once."""
_WAITING = 64
"""Events that wait for a slow listener; the oldest leaves."""
SIGHTINGS = 200
"""Latest sightings that are remembered."""
FACES = 64
"""Of how many of these the faces are, too."""


@dataclass(slots=True, eq=False)
class Listener:
    """One who listens."""

    missed: int = 0
    """Events that left unheard since this was last looked at."""
    _events: deque[Event] = field(default_factory=lambda: deque(maxlen=_WAITING))
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: Event) -> bool:
        """Hand one on; whether an older one had to leave for it."""
        full = len(self._events) == _WAITING
        self.missed += full
        self._events.append(event)
        self._news.set()
        return full

    async def next(self) -> Event:
        """The oldest one that waits; waits for one."""
        while not self._events:
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()


@dataclass(slots=True, eq=False)
class Hub:
    """Hears everything that is told."""

    dropped: int = 0
    """Events that listeners were too slow for."""
    sightings: deque[Sighting] = field(default_factory=lambda: deque(maxlen=SIGHTINGS))
    """The latest, newest last."""
    portraits: dict[int, Portrait] = field(default_factory=dict)
    """Faces of these, by the number `seq`."""
    states: dict[str, State] = field(default_factory=dict)
    """What the broker keeps, by topic; bounded by the persons and cameras there are."""
    _listeners: set[Listener] = field(default_factory=set)

    def hear(self, event: Event) -> None:
        """Remember and hand on; never waits."""
        if isinstance(event, Portrait):
            self.portraits[event.seq] = event
            if len(self.portraits) > FACES:
                del self.portraits[next(iter(self.portraits))]
            return
        if isinstance(event, Sighting):
            self.sightings.append(event)
        if isinstance(event, Notice):
            self._forget(event)
        if isinstance(event, State) and not event.rooted:
            if event.value is None:
                self.states.pop(event.topic, None)
            else:
                self.states[event.topic] = event
        for listener in self._listeners:
            self.dropped += listener.put(event)

    def _forget(self, notice: Notice) -> None:
        """Who is erased leaves no sighting and no face here."""
        told = notice.data
        if notice.type == "person.erased":
            gone = {one.seq for one in self.sightings if _shows(one, told["person_id"])}
        elif notice.type == "visitor.expired" and told["reason"] == "deleted":
            gone = {one.seq for one in self.sightings if one.visitor_id == told["visitor_id"]}
        else:
            return
        self.sightings = deque((one for one in self.sightings if one.seq not in gone), SIGHTINGS)
        for seq in gone:
            self.portraits.pop(seq, None)

    def sighting(self, event_id: str) -> Sighting:
        """One of the latest; NotFoundError."""
        for one in reversed(self.sightings):
            if one.event_id == event_id:
                return one
        raise NotFoundError("sighting", event_id, [one.event_id for one in self.sightings][-5:])

    @property
    def full(self) -> bool:
        """Whether nobody else may listen."""
        return len(self._listeners) >= LISTENERS

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Listen as long as the context lasts."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)


def _shows(sighting: Sighting, person_id: str) -> bool:
    previous = sighting.previous
    return sighting.person_id == person_id or (previous is not None and previous.person_id == person_id)
