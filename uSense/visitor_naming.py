"""Unknown people who get a name: the faces that were kept of a visitor are enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from uSense.control import Control
from uSense.core.errors import ConflictError, RequestError, StorageError
from uSense.core.events import Notice
from uSense.core.models import MOST_FACES, Probe
from uSense.saving import Saving
from uSense.visitors import Visiting

log = structlog.get_logger()

_DUPLICATE = "duplicate_face"
_TOO_MANY = "too_many_faces"


@dataclass(frozen=True, slots=True)
class Named:
    """A visitor who is somebody now; `event_ids` were told of them before."""

    visitor_id: str
    person_id: str
    name: str
    faces: int
    face_ids: tuple[str, ...]
    event_ids: tuple[str, ...]


def visiting(control: Control) -> Visiting:
    """What the running service knows of unknown people; RequestError without one."""
    if control.visiting is None:
        raise RequestError("only a running service knows visitors", code="unavailable")
    return control.visiting


@dataclass(frozen=True, slots=True)
class Kept:
    """Faces of a visitor that were kept for a person."""

    person_id: str
    name: str
    face_ids: list[str]


async def add_visitor(control: Control, who: str, visitor_id: str, *, force: bool = False) -> Kept:
    """Keep a visitor's faces for somebody enrolled; they count from the next training on. Raises RequestErrors."""
    probes = await visiting(control).probes(visitor_id)
    async with Saving(control, await control.find(who)) as saving:
        await enroll(saving, probes, force=force)
    await control.tell_people()
    return Kept(saving.person.person_id, saving.person.name, saving.face_ids)


async def name_visitor(control: Control, visitor_id: str, who: str, *, new: bool, force: bool = False) -> Named:
    """Make a visitor a person called `who`, or give their faces to somebody enrolled if not `new`; trains.

    A visitor who looks like somebody else is refused, unless `force`. If anything fails, the visitor stays, nothing is
    kept, and the same can be tried again. Raises RequestErrors, and NotUndoneError if something was kept all the same.
    """
    visitors = visiting(control)
    probes = await visitors.probes(visitor_id)
    async with visitors.leaving(visitor_id) as visitor:
        async with Saving(control, None if new else await control.find(who)) as saving:
            if new:
                await saving.create(who)
            await enroll(saving, probes, force=force)
            await saving.train()
        person, face_ids = saving.person, tuple(saving.face_ids)
        named = Named(visitor_id, person.person_id, person.name, len(face_ids), face_ids, visitor.event_ids)
        log.info("visitor named", visitor_id=visitor_id, person_id=person.person_id, faces=named.faces)
        data = {"visitor_id": visitor_id, "person_id": person.person_id, "name": person.name}
        control.outbox.post(Notice("visitor.named", {**data, "event_ids": list(visitor.event_ids)}, lasting=True))
    with suppress(StorageError):  # it is done later: they have their name
        await visitors.erase(visitor_id)
    return named


async def enroll(saving: Saving, probes: Sequence[Probe], *, force: bool) -> None:
    """Keep these faces for a person, but for those that they have, and those for which there is no room."""
    room = MOST_FACES - len(saving.person.face_ids)
    for probe in probes[: max(1, room)]:
        try:
            await saving.add(probe, force=force)
        except ConflictError as error:
            if error.code != _DUPLICATE and (error.code != _TOO_MANY or not saving.face_ids):
                raise
