"""Sightings that somebody says are wrong: the face is kept as one that is not that person's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import structlog

from uSense.core.errors import RequestError
from uSense.core.events import Sighting
from uSense.core.models import Embedding, PersonRef, Probe
from uSense.core.rejections import Rejection, Rejections
from uSense.core.visitors import mean
from uSense.ports import Recognizer, Visitors
from uSense.times import made_at, new_id

log = structlog.get_logger()

REMEMBERED = 256
"""Latest sightings that can be rejected."""
_LOOKS = 5
"""Latest looks at a track whose mean is the face that is rejected."""


@dataclass(slots=True)
class _Told:
    """A sighting that was told, with the face; ids of `rejected` by the person who it was not."""

    sighting: Sighting
    face: Embedding | None
    rejected: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """What a rejection did: `corrected` if the name was taken back from somebody who is still in sight."""

    event_id: str
    person_id: str
    name: str
    corrected: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A face that is not somebody's: when that was said, if it is known, and of which sighting, if that still is."""

    rejection_id: str
    at: float | None
    sighting: Sighting | None


class Rejecting:
    """Remembers the latest sightings with their faces."""

    def __init__(self, store: Visitors) -> None:
        self.rejections = Rejections()
        self.take_back: Callable[[Sighting], bool] = _nobody
        """Takes the name of a sighting back; False if there is nobody in sight any more who has it by this."""
        self.give_back: Callable[[Sighting], object] = _nobody
        """Lets the track of a sighting be named so again."""
        self._store = store
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._looks: dict[str, deque[Embedding]] = {}
        self._changing = asyncio.Lock()
        """Held while disk and memory are made alike."""

    async def load(self) -> None:
        """Read what is kept, also after somebody was erased."""
        async with self._changing:
            self.rejections.replace(await self._store.rejections())

    def looked(self, track_id: str, face: Embedding | None) -> None:
        """A look at a track was answered."""
        if face is not None:
            self._looks.setdefault(track_id, deque(maxlen=_LOOKS)).append(face)

    def left(self, track_id: str) -> None:
        """The track ended."""
        self._looks.pop(track_id, None)

    def note(self, sighting: Sighting) -> None:
        """A sighting is told."""
        looks = self._looks.get(sighting.track_id)
        self._told[sighting.event_id] = _Told(sighting, mean(list(looks)) if looks else None)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    async def reject(self, event_id: str, person: PersonRef | None = None) -> Rejected:
        """This was not that person: they are not named so again who look like this. RequestError, StorageError.

        `person` is whom it names by now, if that is not who was told.
        """
        told, named, face = self._rejectable(event_id, person)
        if named.person_id not in told.rejected:
            rejection = Rejection(new_id(), named.person_id, face)
            async with self._changing:
                await self._store.reject(rejection)
                self.rejections.add(rejection)
            told.rejected[named.person_id] = rejection.rejection_id
            log.info("sighting rejected", event_id=event_id, person_id=named.person_id)
        corrected = self.take_back(_naming(told.sighting, named))
        return Rejected(event_id, named.person_id, named.name, corrected)

    async def allow(self, event_id: str, person: PersonRef | None = None) -> Rejected:
        """It was that person after all: forget the rejection. RequestError, StorageError."""
        told, named, _ = self._rejectable(event_id, person)
        if named.person_id not in told.rejected:
            raise RequestError(f"the sighting {event_id} was not rejected", code="not_rejected")
        await self.lift([told.rejected[named.person_id]])
        return Rejected(event_id, named.person_id, named.name, corrected=False)

    async def against(self, recognizer: Recognizer, person_id: str, probe: Probe) -> frozenset[str]:
        """Ids of those that keep a face from that person's name. RecognizerError."""
        if not self.rejections.kept.get(person_id):
            return frozenset()
        (answer,) = await recognizer.identify([probe])
        if answer.embedding is None:
            return frozenset()
        rules = answer.judge.rules if answer.judge else recognizer.rules
        scores = [one.score for one in answer.candidates if one.person_id == person_id]
        # Below the threshold it is not a rejection that keeps the name away.
        found = self.rejections.against(person_id, answer.embedding, max([rules.threshold, *scores]), rules.margin)
        return frozenset(one.rejection_id for one in found)

    async def lift(self, rejection_ids: Collection[str]) -> None:
        """Forget all of these, or none. StorageError."""
        async with self._changing:
            await self._store.unreject(*rejection_ids)
            self.rejections.remove(*rejection_ids)
        for told in self._told.values():
            for person_id, rejection_id in list(told.rejected.items()):
                if rejection_id in rejection_ids:
                    del told.rejected[person_id]
                    self.give_back(_naming(told.sighting, PersonRef(person_id, "")))

    def said(self, person_id: str) -> list[Said]:
        """Of which faces was said that they are not that person, the latest first."""
        known = {rejection_id: one.sighting for one in self._told.values() for rejection_id in one.rejected.values()}
        kept = [one.rejection_id for one in self.rejections.kept.get(person_id, ())]
        return [Said(one, made_at(one), known.get(one)) for one in reversed(kept)]

    def of(self, event_id: str, person_id: str) -> frozenset[str]:
        """The id of what was said of this sighting: that it was not that person; none if it was not said."""
        rejected = self._told[event_id].rejected if event_id in self._told else {}
        return frozenset({rejected[person_id]} if person_id in rejected else ())

    def _rejectable(self, event_id: str, person: PersonRef | None) -> tuple[_Told, PersonRef, Embedding]:
        told = self._told.get(event_id)
        if told is None:
            message = f"there is no sighting {event_id[:100]!r} among the latest {REMEMBERED} since the service started"
            raise RequestError(message, code="not_found")
        if person is None and told.sighting.person_id is not None:
            person = PersonRef(told.sighting.person_id, told.sighting.name or "")
        if person is None:
            raise RequestError("this sighting names nobody: there is nothing to reject", code="not_recognized")
        if told.face is None:
            message = (
                "Azure decided this sighting and tells no numbers of a face that could be remembered: "
                "add better faces of this person, or delete wrong ones, then train"
            )
            raise RequestError(message, code="no_embedding")
        return told, person, told.face


def _naming(sighting: Sighting, person: PersonRef) -> Sighting:
    return replace(sighting, person_id=person.person_id, name=person.name)


def _nobody(_: Sighting) -> bool:
    return False
