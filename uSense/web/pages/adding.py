"""Add somebody, or photos of somebody: by upload, by the browser's camera, or guided at a camera of uSense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import structlog
from aiohttp import web

from uSense.adding import Adding, Outcome, Verdict, nobody_yet
from uSense.core.access import Scope
from uSense.core.errors import RequestError, UsenseError
from uSense.core.models import Person
from uSense.web.guard import refusal, status
from uSense.web.people import enrolled
from uSense.web.uploads import Desk, Form, Photo
from uSense.web.visit import Handler, Route, Visit

log = structlog.get_logger()

SHOTS = 6
"""Pictures that the browser's camera takes."""


@dataclass(slots=True)
class _Sent:
    """What came of a form; a `problem` need not mean that nothing was kept."""

    person: Person | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    trained: bool = False
    problem: UsenseError | None = None
    name: str = ""
    """What was typed as the name of somebody new."""


async def ask(visit: Visit) -> web.StreamResponse:
    """The form."""
    return await _page(visit, await _whose(visit), _Sent())


async def guided(visit: Visit) -> web.StreamResponse:
    """The guided enrollment that is under way, and what was told last of it or of the one before; each may be null."""
    current, told = visit.house.control.guide.current, visit.house.hub.enrollment
    running = current and {
        "enrollment_id": current.enrollment_id,
        "camera": current.camera,
        "name": current.name,
        "person_id": current.person_id,
    }
    return visit.json({"running": running, "told": told and {"type": told.type, **told.data}})


def taking(desk: Desk) -> Handler:
    """The handler of the form: it takes the photos."""

    async def take(visit: Visit) -> web.StreamResponse:
        person = await _whose(visit)
        with desk.turn():
            sent = _Sent()
            try:
                await _taken(visit, person, sent)
            except RequestError as error:
                if _program(visit) or error.code == "forbidden":
                    raise
                sent.problem = error
        if _program(visit):
            return visit.json(_told(visit, sent), status=_status(sent))
        return await _page(visit, sent.person or person, sent)

    return take


async def _taken(visit: Visit, person: Person | None, sent: _Sent) -> None:
    """Take one photo after the other, and train at the end, whether that is the form's or that of a disk.

    Raises UsenseError before the first photo is looked at; from then on it is the `problem` of what was kept.
    """
    form, adding = Form(visit), None
    try:
        async for photo in form.photos():
            adding = adding or await _begun(visit, person, form)
            sent.verdicts.append(await _judged(adding, photo, visit.house.renderer.texts["adding"]))
    except UsenseError as error:
        if adding is None:
            raise
        sent.problem = error
    finally:
        sent.name = form.fields.get("name", "")
    if adding is None:
        raise RequestError(visit.house.renderer.texts["adding"]["choose"], code="bad_payload")
    sent.person = adding.person
    if form.fields.get("later") != "yes":
        try:
            sent.trained = await adding.finish()
        except UsenseError as error:
            sent.problem = sent.problem or error
    if sent.problem and not isinstance(sent.problem, RequestError):
        log.warning("photos not all taken", problem=str(sent.problem))


async def _begun(visit: Visit, person: Person | None, form: Form) -> Adding:
    control = visit.house.control
    name = "" if person else await nobody_yet(control, form.fields.get("name", ""))
    return Adding(control, person, name, force=form.fields.get("force") == "yes")


async def _judged(adding: Adding, photo: Photo, texts: Any) -> Verdict:
    if photo.image is None:
        return Verdict(photo.name, Outcome.REFUSED, texts["not_taken"][photo.reason], photo.reason)
    return await adding.photo(photo.image, photo.name)


def _told(visit: Visit, sent: _Sent) -> dict[str, Any]:
    texts = visit.house.renderer.texts["adding"]["outcomes"]
    problem = {"status": "error", "error": refusal(sent.problem)} if sent.problem else {}
    return {
        **problem,
        "person_id": sent.person.person_id if sent.person else None,
        "trained": sent.trained,
        "verdicts": [
            {
                "source": one.source,
                "outcome": one.outcome,
                "kept": one.kept,
                "verdict": texts[one.outcome],
                "text": one.text,
                "quality": one.quality,
            }
            for one in sent.verdicts
        ],
    }


async def _whose(visit: Visit) -> Person | None:
    person_id = visit.embedded.get("person_id")
    return None if person_id is None else await enrolled(visit.house.control, person_id)


def _status(sent: _Sent) -> int:
    return status(sent.problem) if sent.problem else 200


def _program(visit: Visit) -> bool:
    return "text/html" not in visit.request.headers.get("Accept", "")


async def _page(visit: Visit, person: Person | None, sent: _Sent) -> web.StreamResponse:
    return visit.page(
        "adding.html",
        status=_status(sent),
        person=person,
        cameras=[name for name, on in visit.house.cameras().items() if on],
        sent=sent,
        kept=sum(one.kept for one in sent.verdicts),
        shots=SHOTS,
    )


_take = taking(Desk())
ROUTES = (
    Route(method="GET", path="/people/add", handler=ask, scope=Scope.ENROLL),
    Route(method="POST", path="/people/add", handler=_take, scope=Scope.ENROLL, checked=False),
    Route(method="GET", path="/people/guided", handler=guided, scope=Scope.ENROLL),
    Route(method="GET", path="/people/{person_id}/add", handler=ask, scope=Scope.ENROLL),
    Route(method="POST", path="/people/{person_id}/add", handler=_take, scope=Scope.ENROLL, checked=False),
)
