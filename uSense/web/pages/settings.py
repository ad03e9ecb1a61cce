"""Settings: those that may change at once, and all others with where they come from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from uSense.commands.base import Body, bind
from uSense.commands.settings import SET
from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.core.given import Given
from uSense.payloads.settings import RuntimeSettings
from uSense.schema import Outline
from uSense.web.pages.keys import keys
from uSense.web.visit import Route, Visit

_OUTLINE = Outline(RuntimeSettings)


@dataclass(frozen=True, slots=True)
class Dial:
    """A setting that may change while the service runs."""

    name: str
    typed: str
    """What stands in its field."""
    filed: str
    changed: bool
    """Whether it is another one than the settings file has."""
    meaning: str
    choices: Sequence[str]
    """What it may be, if it is no number."""
    least: str
    most: str


async def look(visit: Visit) -> web.StreamResponse:
    """All of them, and what was done before one was led here."""
    words, query = visit.house.renderer.texts["settings"], visit.request.query
    names = ", ".join(words["dials"][name] for name in query.get("names", "").split(",") if name in words["dials"])
    word = visit.house.slips.take(visit.owner, query.get("made", "")) or ""
    return await show(visit, done=visit.done(words["done"], names=names), word=word)


async def change(visit: Visit) -> web.StreamResponse:
    """Change what was typed, or go back to what the settings file has: all of it, or nothing."""
    form = await visit.form()
    try:
        changes = _back(form["back"]) if "back" in form else _changes(visit, form)
        call = bind([SET], SET.name, Body(changes, b""))
        before = _now(visit)
        await call.command.run(visit.house.control, call.arguments)
    except RequestError as error:
        return await show(visit, problem=str(error), typed={} if "back" in form else form)
    now = _now(visit)
    changed = ",".join(name for name in changes if now[name] != before[name])
    return visit.lead(f"/settings?done=changed&names={changed}" if changed else "/settings?done=same")


async def show(
    visit: Visit, *, done: str = "", problem: str = "", word: str = "", typed: Mapping[str, str] | None = None
) -> web.Response:
    """The page; `word` is a new token, which is shown once."""
    given = await asyncio.to_thread(visit.house.given)
    return visit.page(
        "settings.html",
        status=400 if problem else 200,
        dials=_dials(visit, typed or {}),
        keys=await keys(visit),
        groups=_groups(given),
        done=done,
        problem=problem,
        word=word,
    )


def _groups(given: Sequence[Given]) -> dict[str, list[Given]]:
    """By the first name; those that are in no group are in the one without a name."""
    groups: dict[str, list[Given]] = {"": []}
    for row in given:
        groups.setdefault(row.path[0] if len(row.path) > 1 else "", []).append(row)
    return {name: rows for name, rows in groups.items() if rows}


def _back(name: str) -> dict[str, Any]:
    if name not in RuntimeSettings.model_fields:
        raise RequestError("there is no such setting", code="bad_payload")
    return {name: None}


def _changes(visit: Visit, form: Mapping[str, str]) -> dict[str, Any]:
    """What was typed that is not so already. Raises RequestError."""
    now = _now(visit)
    typed = {name: _value(name, form[name]) for name in now if name in form}
    return {name: value for name, value in typed.items() if value != now[name]}


def _now(visit: Visit) -> dict[str, float | str]:
    runtime = visit.house.control.runtime
    return runtime.values if runtime else {}


def _value(name: str, text: str) -> float | str:
    if "number" not in _OUTLINE.shape((name,))["types"]:
        return text
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise RequestError(f"{name} must be a number", code="bad_payload") from None


def _dials(visit: Visit, typed: Mapping[str, str]) -> list[Dial]:
    """Those of this service, with their bounds."""
    runtime = visit.house.control.runtime
    if runtime is None:
        return []
    return [
        _dial(name, typed.get(name, _text(value)), _text(runtime.filed[name]), _text(value), runtime.least(name))
        for name, value in runtime.values.items()
    ]


def _dial(name: str, typed: str, filed: str, now: str, least: float) -> Dial:
    shape = _OUTLINE.shape((name,))
    return Dial(
        name=name,
        typed=typed,
        filed=filed,
        changed=now != filed,
        meaning=" ".join(shape["description"].replace("`", "").split()),
        choices=shape.get("enum", ()),
        least=_text(max(least, shape.get("minimum", shape.get("exclusiveMinimum", least)))),
        most=_text(shape.get("maximum", "")),
    )


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"


ROUTES = (
    Route(method="GET", path="/settings", handler=look, scope=Scope.ADMIN, label="settings"),
    Route(method="POST", path="/settings", handler=change, scope=Scope.ADMIN),
)
