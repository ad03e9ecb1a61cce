"""The first page: what the cameras see, and who was seen."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from aiohttp import WSMsgType, web

from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.core.events import Sighting
from uSense.web.visit import STILL_IN, Route, Visit
from uSense.web.wording import Seen, seen

LATEST = 30
"""Sightings on the page."""
AGAIN = 2.0
"""Seconds until a camera that gives no picture is asked again."""
_PING = 20.0
_LARGEST = 1024
"""Bytes that a viewer may send: nothing but signs of life is expected."""


async def first(visit: Visit) -> web.StreamResponse:
    """Cameras and sightings."""
    hub = visit.house.hub
    cameras = [{"name": name, "paused": not on} for name, on in visit.house.cameras().items()]
    latest = [_seen(visit, one) for one in reversed(list(hub.sightings)[-LATEST:])]
    return visit.page("live.html", cameras=cameras, latest=latest)


async def row(visit: Visit) -> web.StreamResponse:
    """One line of the list, for the page that hears of it."""
    return visit.page("sighting_row.html", one=_seen(visit, visit.house.hub.sighting(visit.embedded["event_id"])))


async def still(visit: Visit) -> web.StreamResponse:
    """A single picture."""
    view = await visit.house.live.next(visit.embedded["camera"])
    return web.Response(body=view.jpeg, content_type="image/jpeg")


async def watch(visit: Visit) -> web.StreamResponse:
    """A WebSocket: for each picture what is in it as text, then the picture; or why there is none."""
    camera = visit.embedded["camera"]
    if camera not in visit.house.live.names:
        raise RequestError(f"there is no camera {camera[:50]!r}", code="not_found")
    if visit.request.headers.get("Upgrade", "").lower() != "websocket":
        if "text/html" in visit.request.headers.get("Accept", ""):
            return visit.lead("/")
        raise RequestError("this address is for a WebSocket", code="bad_request")
    visit.require_origin()
    socket = web.WebSocketResponse(heartbeat=_PING, max_msg_size=_LARGEST, compress=False)
    with visit.house.live.viewing(), suppress(ConnectionError):
        await socket.prepare(visit.request)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(visit, camera, socket), name=f"live view of {camera}")
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
            sending.cancel()
    return socket


async def pause(visit: Visit) -> web.StreamResponse:
    """Do not look through a camera, or look again."""
    form = await visit.form()
    visit.house.control.pause(visit.embedded["camera"], paused=form.get("paused") == "true")
    return visit.lead("/")


async def _send(visit: Visit, camera: str, socket: web.WebSocketResponse) -> None:
    number, checked, loop = 0, 0.0, asyncio.get_running_loop()
    with suppress(ConnectionError):
        while not socket.closed:
            try:
                view, problem = await visit.house.live.next(camera, number), ""
            except RequestError as error:
                view, problem = None, str(error)
            if loop.time() - checked >= STILL_IN:
                checked = loop.time()
                if not await visit.still_in():
                    await socket.close(code=4401, message=b"logged out")
                    return
            if view is None:
                await socket.send_str(json.dumps({"problem": problem}))
                await asyncio.sleep(AGAIN)
                continue
            number = view.number
            await socket.send_str(json.dumps(view.told, ensure_ascii=False))
            await socket.send_bytes(view.jpeg)


def _seen(visit: Visit, sighting: Sighting) -> Seen:
    return seen(sighting, visit.house)


ROUTES = (
    Route(method="GET", path="/", handler=first, scope=Scope.READ, label="live"),
    Route(method="GET", path="/live/{camera}", handler=watch, scope=Scope.READ),
    Route(method="GET", path="/live/{camera}/still.jpg", handler=still, scope=Scope.READ),
    Route(method="POST", path="/live/{camera}/pause", handler=pause, scope=Scope.ADMIN),
    Route(method="GET", path="/sightings/{event_id}/row", handler=row, scope=Scope.READ),
)
