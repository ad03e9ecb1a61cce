"""What supervisors ask."""

from __future__ import annotations

import asyncio

from aiohttp import web

from uSense import __version__
from uSense.core.access import Scope
from uSense.core.addresses import within
from uSense.core.errors import RequestError
from uSense.web.metrics import TYPE, exposed
from uSense.web.visit import Route, Visit


async def healthz(_: Visit) -> web.StreamResponse:
    """Whether the process answers at all; tells nobody anything else."""
    return web.Response(text="ok\n")


async def readyz(visit: Visit) -> web.StreamResponse:
    """Whether the service does its work."""
    ready = visit.house.ready()
    return web.Response(text="ready\n" if ready else "not ready\n", status=200 if ready else 503)


async def metrics(visit: Visit) -> web.StreamResponse:
    """The latest report for Prometheus: by a token, or from where the settings say."""
    house = visit.house
    if not visit.caller.may(Scope.READ) and not within(visit.address, house.metrics_from):
        message = "send a token of scope read (Authorization: Bearer usense_...), or set web.metrics_from"
        raise RequestError(message, code="log_in")
    context = house.context
    about = {"version": __version__, "recognizer": context.recognizer, "model": context.model}
    body = await asyncio.to_thread(exposed, house.health(), house.cameras(), about)
    return web.Response(body=body, headers={"Content-Type": TYPE})


ROUTES = (
    Route(method="GET", path="/metrics", handler=metrics, scope=None),
    *(Route(method=method, path="/healthz", handler=healthz, scope=None) for method in ("GET", "HEAD")),
    *(Route(method=method, path="/readyz", handler=readyz, scope=None) for method in ("GET", "HEAD")),
)
