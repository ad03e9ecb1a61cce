"""Add somebody, or photos of somebody: by upload, by the browser's camera, or guided at a camera of uSense."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from uSense.adding import Adding, Outcome, Verdict, nobody_yet
from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.core.models import Person
from uSense.web.people import enrolled
from uSense.web.uploads import Desk, Form, Photo
from uSense.web.visit import Handler, Route, Visit

SHOTS = 6
"""Pictures that the browser's camera takes."""


@dataclass(slots=True)
class _Sent:
    """What came of a form."""

    person: Person | None = None
    verdicts: Sequence[Verdict] = ()
    trained: bool = False
    problem: str = ""


async def ask(visit: Visit) -> web.StreamResponse:
    """The form."""
    return await _page(visit, await _whose(visit), _Sent())


def taking(desk: Desk) -> Handler:
    """The handler of the form: it takes the photos."""

    async def take(visit: Visit) -> web.StreamResponse:
        person = await _whose(visit)
        with desk.turn():
            try:
                sent = await _taken(visit, person)
            except RequestError as error:
                if _program(visit) or error.code == "forbidden":
                    raise
                sent = _Sent(problem=str(error))
        if _program(visit):
            return visit.json(_told(visit, sent))
        return await _page(visit, sent.person or person, sent)

    return take


async def _taken(visit: Visit, person: Person | None) -> _Sent:
    """Take one photo after the other, and train when the last one, or the connection's end, is there."""
    form, control, texts = Form(visit), visit.house.control, visit.house.renderer.texts["adding"]
    adding: Adding | None = None
    verdicts: list[Verdict] = []
    trained = False
    try:
        async for photo in form.photos():
            if adding is None:
                force = form.fields.get("force") == "yes"
                name = "" if person else await nobody_yet(control, form.fields.get("name", ""))
                adding = Adding(control, person, name, force=force)
            verdicts.append(await _judged(adding, photo, texts))
    finally:
        task = asyncio.current_task()
        if adding is not None and form.fields.get("later") != "yes" and not (task and task.cancelling()):
            trained = await adding.finish()
    if adding is None:
        raise RequestError(texts["choose"], code="bad_payload")
    return _Sent(adding.person, verdicts, trained)


async def _judged(adding: Adding, photo: Photo, texts: Any) -> Verdict:
    if photo.image is None:
        return Verdict(photo.name, Outcome.REFUSED, texts["not_taken"][photo.reason], photo.reason)
    return await adding.photo(photo.image, photo.name)


def _told(visit: Visit, sent: _Sent) -> dict[str, Any]:
    texts = visit.house.renderer.texts["adding"]["outcomes"]
    return {
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


def _program(visit: Visit) -> bool:
    return "text/html" not in visit.request.headers.get("Accept", "")


async def _page(visit: Visit, person: Person | None, sent: _Sent) -> web.StreamResponse:
    return visit.page(
        "adding.html",
        status=400 if sent.problem else 200,
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
    Route(method="GET", path="/people/{person_id}/add", handler=ask, scope=Scope.ENROLL),
    Route(method="POST", path="/people/{person_id}/add", handler=_take, scope=Scope.ENROLL, checked=False),
)
