"""What somebody says of a sighting: it was right, or wrong, and who it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import structlog

from uSense.control import Control
from uSense.core.errors import ConflictError, NotFoundError, RequestError
from uSense.core.events import Sighting
from uSense.core.models import MOST_FACES, Person, PersonRef, Probe
from uSense.core.names import folded_name
from uSense.saving import Saving
from uSense.visitor_naming import visiting

log = structlog.get_logger()

WORTH = 0.5
"""Least quality (0 to 1) of a face that is kept because a sighting was right."""


class Praise(StrEnum):
    """What came of a sighting that was right."""

    KEPT = "kept"
    NOT_GOOD_ENOUGH = "not_good_enough"
    ENOUGH = "enough"
    KNOWN_ALREADY = "known_already"
    NO_FACE = "no_face"


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction did: `rejected` if a name was taken back, and who has the face now, if anybody."""

    rejected: bool
    person_id: str | None = None
    name: str | None = None
    face_id: str = ""


async def right(control: Control, sighting: Sighting, probe: Probe | None) -> Praise:
    """It was that person: keep the face as a further one of theirs if it is of use, and train. Raises RequestErrors.

    What was said against such a face being theirs counts no more.
    """
    if sighting.person_id is None:
        raise RequestError("this sighting names nobody: say who it was", code="not_recognized")
    person, rejecting = await control.find(sighting.person_id), visiting(control).rejecting
    said = rejecting.of(sighting.event_id, person.person_id)
    against = await control.against(person.person_id, probe) if probe else frozenset()
    praise = await _kept(control, person, probe)
    await control.lift(said - against if praise is Praise.KEPT else said | against)
    log.info("sighting confirmed", event_id=sighting.event_id, person_id=person.person_id, outcome=praise.value)
    return praise


async def _kept(control: Control, person: Person, probe: Probe | None) -> Praise:
    """Keep the face, if it is of use."""
    if probe is None:
        return Praise.NO_FACE
    if probe.quality.value < WORTH:
        return Praise.NOT_GOOD_ENOUGH
    if len(person.face_ids) >= MOST_FACES:
        return Praise.ENOUGH
    async with Saving(control, person) as saving:
        try:
            await saving.add(probe, force=False)
        except ConflictError:  # it is there already, or looks like somebody else
            return Praise.KNOWN_ALREADY
        await saving.train()
    await control.tell_people()
    return Praise.KEPT


async def wrong(
    control: Control, sighting: Sighting, probe: Probe | None = None, who: str = "", *, new: bool = False
) -> Corrected:
    """It was not that person, but `who` (an id or name, or a `new` name), or nobody known if that is empty.

    The face is kept for them, and counts at once. All of it or nothing. Raises RequestErrors.
    """
    if who and probe is None:
        raise RequestError("the face of this sighting was not kept: add a photo instead", code="no_face")
    known = None if new or not who else await control.find(who)
    if known is not None and known.person_id == sighting.person_id:
        raise RequestError(f"this sighting already names {known.name}", code="conflict")
    rejecting, named = visiting(control).rejecting, _named(sighting)
    # What an earlier correction rejected stays so if this one fails.
    before = named is None or bool(rejecting.of(sighting.event_id, named.person_id))
    if named is not None:
        await rejecting.reject(sighting.event_id, named)
    if not who or probe is None:
        return Corrected(rejected=named is not None)
    saving = Saving(control, known)
    try:
        async with saving:
            if known is None:
                await saving.create(who)
            await saving.add(probe, force=True)
            await saving.train()
    except BaseException:
        if named is not None and not before and not saving.done:
            with suppress(RequestError):
                await rejecting.allow(sighting.event_id, named)
        raise
    await control.tell_people()
    log.info("sighting corrected", event_id=sighting.event_id, person_id=saving.person.person_id)
    (face_id,) = saving.face_ids
    return Corrected(named is not None, saving.person.person_id, saving.person.name, face_id)


async def undo(control: Control, sighting: Sighting, person_id: str, face_id: str = "") -> Person | None:
    """It was that person after all, not who has the face `face_id` of it by now; None if nothing else is said any more.

    Somebody new who got the face stays, without it. Raises RequestErrors.
    """
    said = visiting(control).rejecting.of(sighting.event_id, person_id)
    if not said:
        return None
    person = await control.find(person_id)
    if face_id and sighting.person_id is not None:
        with suppress(NotFoundError):
            await control.delete_face(sighting.person_id, face_id)
            await control.train()
    await control.lift(said)
    log.info("correction undone", event_id=sighting.event_id, person_id=person_id)
    return person


def done_already(sighting: Sighting, who: str, *, new: bool) -> bool:
    """Whether a sighting of which somebody said who it was names that person: the same was sent twice."""
    return who == sighting.person_id or (new and folded_name(who) == folded_name(sighting.name or ""))


def _named(sighting: Sighting) -> PersonRef | None:
    return None if sighting.person_id is None else PersonRef(sighting.person_id, sighting.name or "")
