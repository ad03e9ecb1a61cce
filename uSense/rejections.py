"""Sightings that somebody says are wrong: the face is kept as one that is not that person's."""

from __future__ import annotations

import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from uSense.core.errors import RequestError
from uSense.core.events import Sighting
from uSense.core.models import Embedding
from uSense.core.rejections import Rejection, Rejections
from uSense.core.visitors import mean
from uSense.ports import Visitors

log = structlog.get_logger()

REMEMBERED = 256
"""Latest sightings that can be rejected."""
_LOOKS = 5
"""Latest looks at a track whose mean is the face that is rejected."""


@dataclass(slots=True)
class _Told:
    """A sighting that was told, with the face; `rejection_id` once it was rejected."""

    sighting: Sighting
    face: Embedding | None
    rejection_id: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What a rejection did: `corrected` if the name was taken back from somebody who is still in sight."""

    event_id: str
    person_id: str
    name: str
    corrected: bool


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

    async def load(self) -> None:
        """Read what is kept, also after somebody was erased."""
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

    async def reject(self, event_id: str) -> Rejected:
        """This was not that person: they are not named so again who look like this. RequestError, StorageError."""
        told, person_id, face = self._rejectable(event_id)
        if not told.rejection_id:
            rejection = Rejection(str(uuid.uuid4()), person_id, face)
            await self._store.reject(rejection)
            self.rejections.add(rejection)
            told.rejection_id = rejection.rejection_id
            log.info("sighting rejected", event_id=event_id, person_id=person_id)
        corrected = self.take_back(told.sighting)
        return Rejected(event_id, person_id, told.sighting.name or "", corrected)

    async def allow(self, event_id: str) -> Rejected:
        """It was that person after all: forget the rejection. RequestError, StorageError."""
        told, person_id, _ = self._rejectable(event_id)
        if not told.rejection_id:
            raise RequestError(f"the sighting {event_id} was not rejected", code="not_rejected")
        await self._store.unreject(told.rejection_id)
        self.rejections.remove(told.rejection_id)
        told.rejection_id = ""
        self.give_back(told.sighting)
        return Rejected(event_id, person_id, told.sighting.name or "", corrected=False)

    def _rejectable(self, event_id: str) -> tuple[_Told, str, Embedding]:
        told = self._told.get(event_id)
        if told is None:
            message = f"there is no sighting {event_id[:100]!r} among the latest {REMEMBERED} since the service started"
            raise RequestError(message, code="not_found")
        if told.sighting.person_id is None:
            raise RequestError("this sighting names nobody: there is nothing to reject", code="not_recognized")
        if told.face is None:
            message = (
                "Azure decided this sighting and tells no numbers of a face that could be remembered: "
                "add better faces of this person, or delete wrong ones, then train"
            )
            raise RequestError(message, code="no_embedding")
        return told, told.sighting.person_id, told.face


def _nobody(_: Sighting) -> bool:
    return False
