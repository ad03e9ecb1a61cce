"""Everything that happens, as server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.core.events import Event, Notice, Sighting, State
from uSense.entities.identity import payload
from uSense.times import rfc3339
from uSense.web.api.operations import Operation, asked
from uSense.web.house import House
from uSense.web.hub import Listener
from uSense.web.visit import STILL_IN, Visit

QUIET = 20.0
"""Seconds without an event after which a comment shows that the connection lives."""
_NOTHING = b": nothing new\n\n"
KINDS = ("sighting", "notice", "state")


async def listen(visit: Visit) -> web.StreamResponse:
    """Tell what happens until the asker leaves, or is let in no more; at first the present states, if asked for."""
    hub, kinds = visit.house.hub, _kinds(visit)
    if hub.full:
        raise RequestError("too many listen already", code="busy")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    with hub.listening() as listener, suppress(ConnectionError):
        await response.prepare(visit.request)
        if "state" in kinds:
            for state in list(hub.states.values()):
                await response.write(_line(visit.house, state))
        await response.write(b": listening\n\n")
        checked = written = time.monotonic()
        while True:
            event, now = await _next(listener), time.monotonic()
            if now - checked >= STILL_IN:
                checked = now
                if not await visit.still_in():
                    break
            if news := _news(visit.house, listener, event, kinds) or (now - written >= QUIET and _NOTHING):
                await response.write(news)
                written = now
    return response


def kind(event: Event) -> str:
    """What an event is called here; empty for those that are told elsewhere."""
    if isinstance(event, State):
        return "" if event.rooted else "state"
    return "sighting" if isinstance(event, Sighting) else "notice" if isinstance(event, Notice) else ""


def told(house: House, event: Event) -> Mapping[str, Any]:
    """An event as JSON: a sighting as on `usense/identity`, a notice as on `usense/event`, a state with its topic."""
    if isinstance(event, Sighting):
        return payload(event, house.context, time.monotonic()).model_dump(mode="json")
    if isinstance(event, Notice):
        return {"type": event.type, "at": rfc3339(time.time()), **event.data}
    assert isinstance(event, State)  # noqa: S101 - no others have a kind
    return {"topic": event.topic, "value": event.value}


def _news(house: House, listener: Listener, event: Event | None, kinds: Sequence[str]) -> bytes:
    """What is to be told now: how many events were missed, and this one if it is asked for."""
    missed, listener.missed = listener.missed, 0
    told_missed = _frame("missed", {"events": missed}) if missed else b""
    return told_missed + (_line(house, event) if event is not None and kind(event) in kinds else b"")


async def _next(listener: Listener) -> Event | None:
    try:
        async with asyncio.timeout(min(QUIET, STILL_IN)):
            return await listener.next()
    except TimeoutError:
        return None


def _line(house: House, event: Event) -> bytes:
    return _frame(kind(event), told(house, event))


def _frame(name: str, value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"event: {name}\ndata: {text}\n\n".encode("utf-8", "replace")


def _kinds(visit: Visit) -> Sequence[str]:
    wanted = [part for part in visit.request.query.get("kinds", "").split(",") if part] or list(KINDS)
    if unknown := set(wanted) - set(KINDS):
        raise RequestError(f"kinds: {', '.join(sorted(unknown))}: there are {', '.join(KINDS)}", code="bad_payload")
    return wanted


OPERATIONS = (
    Operation(
        method="GET",
        path="/events",
        handler=listen,
        scope=Scope.READ,
        about="Hear what happens, as server-sent events.",
        tag="events",
        media="text/event-stream",
        parameters=(asked("kinds", f"Some of {', '.join(KINDS)}, with commas between; all by default."),),
    ),
)
