"""Unknown people who get a name: the faces that were kept of a visitor are enrolled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from uSense.control import Control
from uSense.core.errors import ConflictError, RequestError, StorageError, UsenseError
from uSense.core.events import Notice
from uSense.core.models import MOST_FACES, Person, Probe
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
    person = await control.find(who)
    added = await enroll(control, person, probes, force=force)
    await control.tell_people()
    return Kept(person.person_id, person.name, added)


async def name_visitor(control: Control, visitor_id: str, who: str, *, new: bool, force: bool = False) -> Named:
    """Make a visitor a person called `who`, or give their faces to somebody enrolled if not `new`; trains.

    A visitor who looks like somebody else is refused, unless `force`. If anything fails, the visitor stays, nobody new
    is there, and the same can be tried again. Raises RequestErrors.
    """
    visitors = visiting(control)
    probes = await visitors.probes(visitor_id)
    async with visitors.leaving(visitor_id) as visitor:
        person = await control.create_person(who) if new else await control.find(who)
        try:
            added = await enroll(control, person, probes, force=force)
            await control.train()
        except BaseException:
            with suppress(UsenseError):
                if new:  # with the receipt that whoever read of the new person waits for
                    await control.erase_person(person.person_id)
                await control.tell_people()
            raise
        named = Named(visitor_id, person.person_id, person.name, len(added), tuple(added), visitor.event_ids)
        log.info("visitor named", visitor_id=visitor_id, person_id=person.person_id, faces=named.faces)
        data = {"visitor_id": visitor_id, "person_id": person.person_id, "name": person.name}
        control.outbox.post(Notice("visitor.named", {**data, "event_ids": list(visitor.event_ids)}, lasting=True))
    with suppress(StorageError):  # it is done later: they have their name
        await visitors.erase(visitor_id)
    return named


async def enroll(control: Control, person: Person, probes: Sequence[Probe], *, force: bool) -> list[str]:
    """Keep these faces for a person, but for those that they have; ids of the new ones. All, or none if it fails."""
    added: list[str] = []
    room = MOST_FACES - len(person.face_ids)
    try:
        for probe in probes[: max(1, room)]:
            try:
                face = await control.recognizer.add_face(person.person_id, probe, force=force)
            except ConflictError as error:
                if error.code == _DUPLICATE or (error.code == _TOO_MANY and added):
                    continue
                raise
            added.append(face.face_id)
    except UsenseError:
        for face_id in added:
            await control.recognizer.delete_face(person.person_id, face_id)
        raise
    return added
