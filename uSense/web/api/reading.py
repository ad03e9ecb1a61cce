"""What there is to read: health, who is where, the latest sightings with their faces."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.entities.identity import IdentityPayload
from uSense.imaging import encode_jpeg
from uSense.payloads.states import HealthReport
from uSense.schema import Branch
from uSense.web.api import events
from uSense.web.api.operations import Operation, asked, named
from uSense.web.visit import Visit


class States(Branch):
    """The present states, as the broker keeps them."""

    states: dict[str, Any]
    """By topic, without the prefix."""


class Sightings(Branch):
    """The latest sightings since the service started."""

    sightings: list[IdentityPayload]
    """The newest first."""


async def health(visit: Visit) -> web.StreamResponse:
    """The latest report for `usense/health`."""
    report = visit.house.health()
    if not report:
        raise RequestError("the service starts: there is no report yet", code="unavailable")
    return visit.json(report)


async def states(visit: Visit) -> web.StreamResponse:
    """Presence of everybody, cameras, settings."""
    return visit.json({"states": {state.topic: state.value for state in visit.house.hub.states.values()}})


async def sightings(visit: Visit) -> web.StreamResponse:
    """The latest sightings."""
    most = _number(visit.request.query, "most", 50)
    found = list(visit.house.hub.sightings)[-most:]
    return visit.json({"sightings": [events.told(visit.house, one) for one in reversed(found)]})


async def face(visit: Visit) -> web.StreamResponse:
    """The face that a sighting was decided by."""
    hub = visit.house.hub
    portrait = hub.portraits.get(hub.sighting(visit.embedded["event_id"]).seq)
    if portrait is None:
        raise RequestError("the face of this sighting was not kept", code="not_found")
    jpeg = await asyncio.to_thread(encode_jpeg, portrait.probe.crop)
    return web.Response(body=jpeg, content_type="image/jpeg")


def _number(query: Mapping[str, str], name: str, most: int) -> int:
    text = query.get(name, str(most))
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 1000:  # noqa: PLR2004 - in the words below
        raise RequestError(f"{name} must be a number from 1 to 1000", code="bad_payload")
    return int(text)


OPERATIONS = (
    Operation(
        method="GET", path="/health", handler=health, scope=Scope.READ, tag="state", reply=HealthReport,
        about="How the service is.",
    ),
    Operation(
        method="GET", path="/states", handler=states, scope=Scope.READ, tag="state", reply=States,
        about="Who is where, and everything else that the broker keeps.",
    ),
    Operation(
        method="GET", path="/sightings", handler=sightings, scope=Scope.READ, tag="sightings", reply=Sightings,
        about="The latest sightings, newest first.",
        parameters=(asked("most", "How many at most.", type="integer", minimum=1, maximum=1000, default=50),),
    ),
    Operation(
        method="GET", path="/sightings/{event_id}/face", handler=face, scope=Scope.READ, tag="sightings",
        media="image/jpeg", about="The face that a sighting was decided by.",
        parameters=(named("event_id", "Id of the sighting."),),
    ),
)  # fmt: skip
