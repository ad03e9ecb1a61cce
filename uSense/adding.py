"""Photos that somebody sends of a person: a verdict each, what is bad hinders no other, and one training at the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

import structlog

from uSense import imaging
from uSense.control import Control
from uSense.core.errors import BadImageError, ConflictError, NotFoundError
from uSense.core.lookalikes import likenesses
from uSense.core.models import Person, Probe
from uSense.core.names import clean_name, folded_name
from uSense.core.prompts import sentence
from uSense.saving import Saving

log = structlog.get_logger()

_KNOWN, _SOMEBODY_ELSE, _ENOUGH = "duplicate_face", "wrong_person", "too_many_faces"


class Outcome(StrEnum):
    """What became of a photo."""

    KEPT = "kept"
    KNOWN = "known"
    """It was there already."""
    SOMEBODY_ELSE = "somebody_else"
    ENOUGH = "enough"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a photo; `text` says why it was refused, or what is doubtful about one that was kept."""

    source: str
    outcome: Outcome
    text: str = ""
    code: str = ""
    face_id: str = ""
    quality: float | None = None

    @property
    def kept(self) -> bool:
        """Whether there is one face more."""
        return self.outcome is Outcome.KEPT


async def nobody_yet(control: Control, name: str) -> str:
    """The name as a new person may have it; ConflictError if somebody has it already, RequestError `bad_name`."""
    name = clean_name(name)
    if any(folded_name(person.name) == folded_name(name) for person in await control.people()):
        raise ConflictError(f"{name} is enrolled already: add the photos there", code="name_taken")
    return name


class Adding:
    """Photos of `person`, or of somebody called `name` who is made with the first photo that can be kept."""

    def __init__(self, control: Control, person: Person | None = None, name: str = "", *, force: bool = False) -> None:
        self.person = person
        self.kept = 0
        self._control = control
        self._name = name
        self._force = force

    async def photo(self, image: bytes, source: str) -> Verdict:
        """Keep the face of one photo, if it can be; raises what says nothing of the photo, as RecognizerError."""
        try:
            picture = await asyncio.to_thread(imaging.decode, image, source)
            if self.person is None:
                verdict = await self._first(await self._control.one_face(picture, source), source)
            else:
                added = await self._control.add_picture(self.person.person_id, picture, source, force=self._force)
                verdict = Verdict(
                    source, Outcome.KEPT, _sentence(added.warning), "", added.face_id, round(added.quality, 2)
                )
        except BadImageError as error:
            return Verdict(source, Outcome.REFUSED, _sentence(error.reason), error.code)
        except ConflictError as error:
            return Verdict(source, _CONFLICTS.get(error.code, Outcome.REFUSED), sentence(error), error.code)
        self.kept += verdict.kept
        return verdict

    async def finish(self) -> bool:
        """Train, if there is something new to know; whether there was."""
        if not self.kept:
            return False
        try:
            await self._control.train()
        except NotFoundError:  # erased meanwhile
            return False
        return True

    async def _first(self, probe: Probe, source: str) -> Verdict:
        """Keep the first face of somebody new, unless they are somebody who is there already."""
        recognizer = self._control.recognizer
        double = likenesses(await recognizer.identify([probe]), recognizer.rules, None).double
        if double is not None and not self._force:
            text = f"This looks like {double.name}, who is enrolled already"
            return Verdict(source, Outcome.SOMEBODY_ELSE, text, _SOMEBODY_ELSE)
        async with Saving(self._control) as saving:
            await saving.create(self._name)
            await saving.add(probe, force=self._force)
        self.person = saving.person
        log.info("person created by photos", person_id=self.person.person_id)
        await self._control.tell_people()
        (face_id,) = saving.face_ids
        return Verdict(source, Outcome.KEPT, face_id=face_id, quality=round(probe.quality.value, 2))


_CONFLICTS = {_KNOWN: Outcome.KNOWN, _SOMEBODY_ELSE: Outcome.SOMEBODY_ELSE, _ENOUGH: Outcome.ENOUGH}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
