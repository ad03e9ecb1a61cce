"""Scripts, styles and drawings: the same for everybody, so nobody has to log in for them."""

from __future__ import annotations

from aiohttp import web

from uSense.core.errors import NotFoundError
from uSense.web.visit import Route, Visit


async def file(visit: Visit) -> web.Response:
    """A file whose address changes with its content, so that browsers may keep it for a year."""
    renderer = visit.house.renderer
    found = renderer.files.get(visit.embedded["name"])
    if found is None or renderer.mark != visit.embedded["mark"]:
        raise NotFoundError("file", visit.embedded["name"][:50])
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return web.Response(body=found.content, content_type=found.type, charset="utf-8", headers=headers)


ROUTES = (Route(method="GET", path="/static/{mark}/{name}", handler=file, scope=None),)
