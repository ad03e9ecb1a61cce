"""What happens, on its way to everybody who looks: the latest sightings, and a queue for each who listens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from uSense.core.errors import NotFoundError
from uSense.core.events import Event, Notice, Portrait, Sighting, SightingType, State
from uSense.core.models import PersonRef

LISTENERS = 64
"""Who may listen at once."""
_WAITING = 64
"""Events that wait for a slow listener; the oldest leaves."""
SIGHTINGS = 200
"""Latest sightings that are remembered."""
FACES = 64
"""Of how many of these the faces are, too."""
_ENROLLMENT = {"enroll.prompt", "enroll.finished"}


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
    """Hears everything that is told.

    Sightings are remembered as those of whoever they are of by now: people are renamed, merged, corrected and erased.
    """

    dropped: int = 0
    """Events that listeners were too slow for."""
    sightings: deque[Sighting] = field(default_factory=lambda: deque(maxlen=SIGHTINGS))
    """The latest, newest last."""
    said: set[str] = field(default_factory=set)
    """Ids of those of which somebody said later who it was; the numbers are of the decision before."""
    portraits: dict[int, Portrait] = field(default_factory=dict)
    """Faces of these, by the number `seq`."""
    states: dict[str, State] = field(default_factory=dict)
    """What the broker keeps, by topic; bounded by the persons and cameras there are."""
    correcting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a sighting is corrected: what is sent twice is done once."""
    enrollment: Notice | None = None
    """What was told last of a guided enrollment: a browser that slept has not heard it."""
    _names: Mapping[str, str] | None = None
    """Names of all people by id, once they were told."""
    _listeners: set[Listener] = field(default_factory=set)

    def hear(self, event: Event) -> None:
        """Remember and hand on; never waits."""
        match event:
            case Portrait():
                self.portraits[event.seq] = event
                if len(self.portraits) > FACES:
                    del self.portraits[next(iter(self.portraits))]
                return
            case Sighting():
                self.sightings.append(self._renamed(event))
                self.said &= {one.event_id for one in self.sightings}
            case Notice():
                self._follow(event.type, event.data)
                if event.type in _ENROLLMENT:
                    self.enrollment = event
            case State(rooted=False):
                self._keep(event)
            case _:
                pass
        for listener in self._listeners:
            self.dropped += listener.put(event)

    def belongs(self, event_ids: Collection[str], person: PersonRef) -> None:
        """Somebody said that these sightings are of that person."""

        def named(one: Sighting) -> Sighting:
            if one.event_id not in event_ids:
                return one
            kind = SightingType.RECOGNIZED if one.type is SightingType.UNKNOWN else one.type
            return replace(one, type=kind, person_id=person.person_id, name=person.name, visitor_id=None)

        self._relabel(named)
        self.said |= {one.event_id for one in self.sightings} & set(event_ids)

    def _follow(self, kind: str, told: Mapping[str, Any]) -> None:
        """Who somebody is now; who is erased leaves no sighting and no face here."""
        match kind, told.get("reason"):
            case "person.erased", _:
                self.enrollment = None
                self._drop(lambda one: told["person_id"] in _people(one))
            case "person.merged", _:
                self._relabel(lambda one: self._merged(one, told["person_id"], told["into"]))
            case "visitor.new", _:
                self._relabel(lambda one: _of(one, told["visitor_id"]) if one.event_id in told["event_ids"] else one)
            case "visitor.named", _:
                known = {one.event_id for one in self.sightings if one.visitor_id == told["visitor_id"]}
                self.belongs({*known, *told["event_ids"]}, PersonRef(told["person_id"], told["name"]))
            case "visitor.expired", "merged":
                self._relabel(lambda one: _of(one, told["into"]) if one.visitor_id == told["visitor_id"] else one)
            case "visitor.expired", "deleted":
                self._drop(lambda one: one.visitor_id == told["visitor_id"])
            case _:
                pass

    def _keep(self, state: State) -> None:
        if state.value is None:
            self.states.pop(state.topic, None)
            return
        self.states[state.topic] = state
        if state.topic == "people":
            self._meet(state.value)

    def _meet(self, people: Sequence[Mapping[str, str]]) -> None:
        """Everybody as they are called now; another process may have erased somebody."""
        names = self._names = {one["person_id"]: one["name"] for one in people}
        self._drop(lambda one: any(person_id not in names for person_id in _people(one)))
        self._relabel(self._renamed)

    def _renamed(self, one: Sighting) -> Sighting:
        """With the names of now, and without that of somebody who is no more."""
        if self._names is None or (one.person_id is None and one.previous is None):
            return one
        previous, name = one.previous, self._names.get(one.person_id or "", one.name)
        if previous is not None:
            called = self._names.get(previous.person_id)
            previous = None if called is None else replace(previous, name=called)
        return replace(one, name=name, previous=previous)

    def _merged(self, one: Sighting, gone: str, into: str) -> Sighting:
        """The same, of who got the faces."""
        if one.person_id == gone:
            one = replace(one, person_id=into)
        if one.previous is not None and one.previous.person_id == gone:
            one = replace(one, previous=replace(one.previous, person_id=into))
        return self._renamed(one) if into in (self._names or ()) else one

    def _relabel(self, change: Callable[[Sighting], Sighting]) -> None:
        self.sightings = deque(map(change, self.sightings), SIGHTINGS)

    def _drop(self, gone: Callable[[Sighting], bool]) -> None:
        """Forget these, and what was told of the same face before it was known."""
        tracks = {one.track_id for one in self.sightings if gone(one)}
        if not tracks:
            return
        leaving = {one.seq for one in self.sightings if gone(one) or (one.person_id is None and one.track_id in tracks)}
        self.sightings = deque((one for one in self.sightings if one.seq not in leaving), SIGHTINGS)
        for seq in leaving:
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


def _people(sighting: Sighting) -> list[str]:
    """Ids of whom it names, and of whom it takes the place of."""
    previous = sighting.previous
    return [one for one in (sighting.person_id, previous.person_id if previous else None) if one is not None]


def _of(sighting: Sighting, visitor_id: str) -> Sighting:
    """The same, of that visitor; who is known is none."""
    return sighting if sighting.person_id is not None else replace(sighting, visitor_id=visitor_id)
