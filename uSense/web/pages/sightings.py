"""One sighting: why it was decided so, and what to say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from uSense import correcting
from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.core.events import Sighting
from uSense.core.models import PersonRef, Probe
from uSense.core.tips import Closeness, misplaced, neighbor
from uSense.web.visit import Route, Visit
from uSense.web.wording import seen

NOBODY, NEW = "nobody", "new"
"""Answers to who it was, beside the ids of people."""


async def show(visit: Visit) -> web.StreamResponse:
    """The decision with its numbers."""
    sighting = visit.house.hub.sighting(visit.embedded["event_id"])
    return await _page(visit, sighting)


async def judge(visit: Visit) -> web.StreamResponse:
    """It was right, or wrong."""
    hub, form = visit.house.hub, await visit.form()
    async with hub.correcting:
        sighting = hub.sighting(visit.embedded["event_id"])
        try:
            if form.get("verdict") == "right":
                return await _praised(visit, sighting)
            if form.get("verdict") == "undo":
                return await _undone(visit, sighting, form)
            return await _corrected(visit, sighting, form)
        except RequestError as error:
            return await _page(visit, sighting, problem=str(error))


async def _praised(visit: Visit, sighting: Sighting) -> web.StreamResponse:
    praise = await correcting.right(visit.house.control, sighting, _probe(visit, sighting))
    told = _words(visit)["praise"][praise.value].format(name=sighting.name)
    return await _page(visit, sighting, done=told)


async def _corrected(visit: Visit, sighting: Sighting, form: Mapping[str, str]) -> web.StreamResponse:
    hub, control, texts = visit.house.hub, visit.house.control, _words(visit)
    who, new = _who(form, texts), form.get("who") == NEW
    if sighting.event_id in hub.said and correcting.done_already(sighting, who, new=new):
        return await _page(visit, sighting, done=texts["corrected"].format(name=sighting.name))
    done = await correcting.wrong(control, sighting, _probe(visit, sighting), who, new=new)
    undoing = None
    if done.rejected and sighting.event_id not in hub.said:
        undoing = {"person": sighting.person_id or "", "face": done.face_id}
    if done.person_id is None or done.name is None:
        told = texts["taken_back"].format(name=sighting.name or "")
        return await _page(visit, sighting, done=told, undoing=undoing)
    hub.belongs([sighting.event_id], PersonRef(done.person_id, done.name))
    told = texts["corrected"].format(name=done.name)
    # Who was erased meanwhile is not shown by what was known before.
    now, mixed = hub.sighting(sighting.event_id), await _mixed(visit, done.name)
    return await _page(visit, now, done=told, mixed=mixed, undoing=undoing)


async def _undone(visit: Visit, sighting: Sighting, form: Mapping[str, str]) -> web.StreamResponse:
    hub, texts, other = visit.house.hub, _words(visit), sighting.name or ""
    person = await correcting.undo(visit.house.control, sighting, form.get("person", ""), form.get("face", ""))
    if person is None:
        return await _page(visit, sighting)
    hub.belongs([sighting.event_id], PersonRef(person.person_id, person.name))
    hub.said.discard(sighting.event_id)
    told = texts["undone_face" if other != person.name else "undone"].format(name=person.name, other=other)
    return await _page(visit, hub.sighting(sighting.event_id), done=told)


async def _mixed(visit: Visit, name: str) -> Mapping[str, Any] | None:
    """Who is so like somebody that neither will be named; photos of one may be among those of the other."""
    control = visit.house.control
    report = await control.training()
    other = neighbor(report, control.recognizer.rules.threshold, name)
    if other is None or other.closeness is not Closeness.MIXED:
        return None
    said, theirs = await control.find(name), await control.find(other.name)
    if misplaced(report, said) and not misplaced(report, theirs):
        said, theirs = theirs, said
    return {"a": said.name, "b": theirs.name, "score": f"{other.score:.2f}", "person": theirs}


def _who(form: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """Who it was: an id, a new name, or empty for nobody known."""
    who, name = form.get("who", ""), form.get("name", "").strip()
    if not who:
        raise RequestError(texts["say_who"], code="bad_payload")
    if who == NEW and not name:
        raise RequestError(texts["say_name"], code="bad_payload")
    return {NOBODY: "", NEW: name}.get(who, who)


async def _page(
    visit: Visit,
    sighting: Sighting,
    *,
    done: str = "",
    problem: str = "",
    mixed: Mapping[str, Any] | None = None,
    undoing: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    people = sorted(await visit.house.control.people(), key=lambda person: person.name.casefold())
    others = [person for person in people if person.person_id != sighting.person_id]
    return visit.page(
        "sighting.html",
        status=400 if problem else 200,
        one=seen(sighting, visit.house),
        sighting=sighting,
        people=others,
        correctable=visit.caller.may(Scope.ENROLL),
        has_face=_probe(visit, sighting) is not None,
        done=done,
        mixed=mixed,
        undoing=undoing,
        rejected=next((person for person in people if person.person_id == sighting.decision.rejected), None),
        problem=problem,
    )


def _words(visit: Visit) -> Any:
    return visit.house.renderer.texts["sighting"]


def _probe(visit: Visit, sighting: Sighting) -> Probe | None:
    portrait = visit.house.hub.portraits.get(sighting.seq)
    return None if portrait is None else portrait.probe


ROUTES = (
    Route(method="GET", path="/sightings/{event_id}", handler=show, scope=Scope.READ),
    Route(method="POST", path="/sightings/{event_id}", handler=judge, scope=Scope.ENROLL),
)
