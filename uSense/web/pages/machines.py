"""What supervisors ask."""

from __future__ import annotations

from aiohttp import web

from uSense.web.visit import Route, Visit


async def healthz(_: Visit) -> web.StreamResponse:
    """Whether the process answers at all; tells nobody anything else."""
    return web.Response(text="ok\n")


async def readyz(visit: Visit) -> web.StreamResponse:
    """Whether the service does its work."""
    ready = visit.house.ready()
    return web.Response(text="ready\n" if ready else "not ready\n", status=200 if ready else 503)


ROUTES = (
    Route(method="GET", path="/healthz", handler=healthz, scope=None),
    Route(method="GET", path="/readyz", handler=readyz, scope=None),
)
