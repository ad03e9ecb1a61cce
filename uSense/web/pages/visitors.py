"""Unknown people who came again: to be named, made one, ignored or forgotten."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import NotFoundError, RequestError
from uSense.core.visitors import MOST_FACES, Visitor
from uSense.imaging import encode_jpeg
from uSense.visitor_naming import name_visitor, visiting
from uSense.web.visit import Route, Visit

NEW = "new"
"""Answer to who it is, beside the ids of people."""
_FEWEST_TO_MERGE = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A visitor as the pages show them."""

    visitor: Visitor
    first: str
    last: str
    faces: Sequence[str]
    """Addresses, the best first; there may be none."""


async def everybody(visit: Visit) -> web.StreamResponse:
    """All of them, who was seen last first."""
    return _everybody(visit, done=visit.done(_words(visit)["done"]))


async def somebody(visit: Visit) -> web.StreamResponse:
    """One of them."""
    return await _somebody(visit, _whose(visit))


async def photo(visit: Visit) -> web.StreamResponse:
    """A kept face, by its rank."""
    file = visit.embedded["file"]
    found = re.fullmatch(r"([0-9]{1,3})\.jpg", file)
    if found is None or (rank := int(found[1])) >= MOST_FACES:
        raise NotFoundError("face", file[:50])
    probes = await visiting(visit.house.control).probes(visit.embedded["visitor_id"], rank + 1)
    if len(probes) <= rank:
        raise NotFoundError("face", file)
    jpeg = await asyncio.to_thread(encode_jpeg, probes[rank].crop)
    return web.Response(body=jpeg, content_type="image/jpeg")


async def change(visit: Visit) -> web.StreamResponse:
    """Do something to all who were chosen; to delete them, or make them one, is asked once more."""
    visitors, words, form = visiting(visit.house.control), _words(visit), await visit.form()
    chosen = [one for one in visitors.everybody() if one.visitor_id in set(await visit.chosen("visitor"))]
    action = form.get("action", "")
    if not chosen:
        return _everybody(visit, problem=words["choose"])
    if action == "merge" and len(chosen) < _FEWEST_TO_MERGE:
        return _everybody(visit, problem=words["choose_two"])
    if action in {"delete", "merge"} and form.get("sure") != "yes":
        return visit.page("visitors_sure.html", rows=[_row(one) for one in chosen], action=action)
    try:
        await _changed(visit, action, chosen)
    except RequestError as error:
        return _everybody(visit, problem=str(error))
    return visit.lead(f"/visitors?done={action}&count={len(chosen)}")


async def name(visit: Visit) -> web.StreamResponse:
    """They are somebody."""
    visitor, form, words = _whose(visit), await visit.form(), _words(visit)
    who, new_name = form.get("who", ""), form.get("name", "").strip()
    if not who or (who == NEW and not new_name):
        return await _somebody(visit, visitor, problem=words["say_who"])
    try:
        answer = new_name if who == NEW else who
        force = form.get("force") == "yes"
        named = await name_visitor(visit.house.control, visitor.visitor_id, answer, new=who == NEW, force=force)
    except RequestError as error:
        return await _somebody(visit, visitor, problem=str(error))
    return visit.lead(f"/people/{named.person_id}")


async def _changed(visit: Visit, action: str, chosen: Sequence[Visitor]) -> None:
    """What is not known is refused before anything is done."""
    visitors = visiting(visit.house.control)
    into, *others = chosen
    match action:
        case "delete":
            for one in chosen:
                await visitors.delete(one.visitor_id)
        case "ignore" | "heed":
            for one in chosen:
                await visitors.ignore(one.visitor_id, ignored=action == "ignore")
        case "merge":
            for one in others:
                await visitors.merge(one.visitor_id, into.visitor_id)
        case _:
            raise RequestError("there is no such action", code="bad_payload")


def _whose(visit: Visit) -> Visitor:
    return visiting(visit.house.control).find(visit.embedded["visitor_id"])


async def _pictured(visit: Visit, visitor: Visitor) -> bool:
    """Whether a face was kept by which they could be enrolled."""
    try:
        return bool(await visiting(visit.house.control).probes(visitor.visitor_id, 1))
    except RequestError:
        return False


def _words(visit: Visit) -> Any:
    return visit.house.renderer.texts["visitors"]


def _row(visitor: Visitor) -> Row:
    return Row(
        visitor=visitor,
        first=_clock(visitor.first_seen_at),
        last=_clock(visitor.last_seen_at),
        faces=[f"/visitors/{visitor.visitor_id}/faces/{rank}.jpg" for rank in range(len(visitor.faces))],
    )


def _clock(at: float) -> str:
    return time.strftime("%d %b %Y, %H:%M", time.localtime(at))


def _everybody(visit: Visit, *, done: str = "", problem: str = "") -> web.StreamResponse:
    rows = [_row(one) for one in visiting(visit.house.control).everybody()]
    return visit.page("visitors.html", status=400 if problem else 200, rows=rows, done=done, problem=problem)


async def _somebody(visit: Visit, visitor: Visitor, *, problem: str = "") -> web.StreamResponse:
    return visit.page(
        "visitor.html",
        status=400 if problem else 200,
        row=_row(visitor),
        pictured=await _pictured(visit, visitor),
        people=await visit.house.control.people(),
        problem=problem,
    )


ROUTES = (
    Route(method="GET", path="/visitors", handler=everybody, scope=Scope.READ, label="visitors"),
    Route(method="POST", path="/visitors", handler=change, scope=Scope.ENROLL),
    Route(method="GET", path="/visitors/{visitor_id}", handler=somebody, scope=Scope.READ),
    Route(method="POST", path="/visitors/{visitor_id}", handler=name, scope=Scope.ENROLL),
    Route(method="GET", path="/visitors/{visitor_id}/faces/{file}", handler=photo, scope=Scope.READ),
)
