"""Passes for other pages of the house, and the keys that these are checked with."""

from __future__ import annotations

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.core.mypage import origin
from uSense.schema import Branch
from uSense.times import rfc3339
from uSense.web.api.operations import Operation, asked
from uSense.web.visit import Route, Visit


class Pass(Branch):
    """Says who stands at a camera."""

    token: str
    """The pass, a JSON Web Token."""
    expires_at: str
    """Until when it counts."""


async def give(visit: Visit) -> web.StreamResponse:
    """A pass for who stands at a camera now, alone, and lets these pages know it."""
    query, house = visit.request.query, visit.house
    camera, audience = house.control.camera(query.get("camera", "")), query.get("audience", "")
    sighting = house.kiosks.alone(camera)
    if sighting is None or sighting.person_id is None:
        raise RequestError(f"nobody whom uSense knows stands at the camera {camera} alone now", code="conflict")
    blocks = (await house.mine.page(sighting.person_id)).blocks
    if audience not in {origin(block.value) for block in blocks if block.trusted}:
        message = f"{audience[:100]!r} is none of the pages that may know who stands there"
        raise RequestError(message, code="forbidden")
    token, ends = await house.passes.sign(sighting, audience)
    return visit.json({"token": token, "expires_at": rfc3339(ends)})


async def keys(visit: Visit) -> web.StreamResponse:
    """The JSON Web Key Set, for everybody."""
    return visit.json(await visit.house.passes.key_set())


OPERATIONS = (
    Operation(
        method="GET",
        path="/pass",
        handler=give,
        scope=Scope.KIOSK,
        tag="state",
        reply=Pass,
        about="A signed, short-lived word for another page of the house: who stands at a camera now, alone.",
        parameters=(
            asked("camera", "Name of the camera; may be left out if there is one."),
            asked("audience", "Origin of the page it is for, one that the person's own page trusts: https://app.lan"),
        ),
    ),
)
ROUTES = (Route(method="GET", path="/.well-known/jwks.json", handler=keys, scope=None),)
