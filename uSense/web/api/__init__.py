"""`/api/v1`: what programs ask over HTTP; one file a family, one line here."""

from __future__ import annotations

from functools import cache
from typing import Any

from aiohttp import web

from uSense.core.access import Scope
from uSense.web.api import commands, events, passing, reading
from uSense.web.api.operations import BASE, Operation, document
from uSense.web.visit import Route, Visit

OPERATIONS: tuple[Operation, ...] = (
    *reading.OPERATIONS,
    *events.OPERATIONS,
    *passing.OPERATIONS,
    *commands.OPERATIONS,
)


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document."""
    return document(OPERATIONS)


async def _openapi(visit: Visit) -> web.StreamResponse:
    return visit.json(openapi())


ROUTES: tuple[Route, ...] = (
    Route(method="GET", path=f"{BASE}/openapi.json", handler=_openapi, scope=Scope.READ),
    *(operation.route for operation in OPERATIONS),
    *passing.ROUTES,
)
