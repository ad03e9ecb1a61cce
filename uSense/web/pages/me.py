"""A camera's kiosk: whoever stands there sees their own page, everybody else a clock.

What is personal is a document of its own in a frame, so that nothing of it stays when the frame is taken away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import quote

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import NotFoundError, RequestError
from uSense.core.models import PersonRef
from uSense.core.mypage import Block, Kind, origin
from uSense.web.guard import HEADERS, KIOSK_COOKIE
from uSense.web.visit import STILL_IN, Route, Visit

LOOK = 0.2
"""Seconds between two looks who stands there."""
BEAT = 2.0
"""Seconds after which a kiosk is told the same again: without that it hides everything."""
_YEAR = 31_536_000
_FRAMED = HEADERS["Content-Security-Policy"].replace("frame-ancestors 'none'", "frame-ancestors 'self'")


async def choose(visit: Visit) -> web.StreamResponse:
    """The kiosks there are; the only one at once."""
    names = visit.house.kiosks.names
    if len(names) == 1:
        return visit.lead(f"/me/{quote(names[0], safe='')}")
    return visit.page("kiosks.html", cameras=names)


async def kiosk(visit: Visit) -> web.StreamResponse:
    """The page that stays on a screen; a token in the address becomes a cookie."""
    camera = visit.embedded["camera"]
    if token := visit.request.query.get("token"):
        word = await visit.house.access.admit_kiosk(token)
        return _remembered(visit, visit.lead(f"/me/{quote(camera, safe='')}"), word)
    if not visit.caller.may(Scope.KIOSK):
        if KIOSK_COOKIE in visit.request.cookies and visit.caller.scope is None:
            message = "this screen was taken back: open it again with a new token (/me/...?token=usense_...), or log in"
            raise RequestError(message, code="taken_back")
        raise RequestError("log in first, or open this page with a kiosk's token", code="log_in")
    if camera not in visit.house.kiosks.names:
        raise NotFoundError("camera", camera, visit.house.kiosks.names)
    response = visit.page("me.html", camera=camera)
    response.headers["Content-Security-Policy"] = f"{HEADERS['Content-Security-Policy']}; frame-src 'self'"
    return _remembered(visit, response, visit.caller.word) if visit.caller.token_id else response


async def events(visit: Visit) -> web.StreamResponse:
    """Server-sent events: whether somebody's own page is to be shown, and which in turn it is."""
    camera, kiosks = visit.embedded["camera"], visit.house.kiosks
    with kiosks.watching(camera), suppress(ConnectionError):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(visit.request)
        loop, turn, shown, told, checked = asyncio.get_running_loop(), 0, None, 0.0, 0.0
        while True:
            now, who = loop.time(), kiosks.who(camera)
            if now - checked >= STILL_IN:
                checked = now
                if not await visit.still_in():
                    return response
            if told and _id(who) == shown and now - told < BEAT:
                await asyncio.sleep(LOOK)
                continue
            turn += _id(who) != shown
            shown, told = _id(who), now
            news = {"personal": who is not None, "turn": turn, "version": visit.house.renderer.mark}
            await response.write(f"event: who\ndata: {json.dumps(news)}\n\n".encode())
    return response


async def mine(visit: Visit) -> web.StreamResponse:
    """The own page of who stands there now."""
    who = _now(visit)
    page = await visit.house.mine.page(who.person_id)
    parts = [(number, block, await _pictures(visit, block)) for number, block in enumerate(page.blocks)]
    webs = [origin(block.value) for block in page.blocks if block.kind is Kind.WEB]
    here = f"/me/{quote(visit.embedded['camera'], safe='')}"
    response = visit.page("mine.html", name=who.name, page=page, parts=parts, here=here, origin=origin)
    return _framed(response, " ".join(["frame-src 'self'", *dict.fromkeys(webs)]))


async def feed(visit: Visit) -> web.StreamResponse:
    """The news of a feed, as a piece of the page."""
    try:
        found = await visit.house.mine.feed(await _block(visit, Kind.FEED))
    except RequestError as error:
        if error.code != "not_fetched":
            raise
        return visit.page("feed.html", feed=None, problem=str(error))
    return visit.page("feed.html", feed=found, problem="")


async def video(visit: Visit) -> web.StreamResponse:
    """A player, in a frame of its own: only there it is known where its videos come from."""
    try:
        found = await visit.house.mine.videos(await _block(visit, Kind.VIDEO))
    except RequestError as error:
        if error.code != "not_fetched":
            raise
        return _framed(visit.page("video.html", videos=[], problem=str(error)))
    return _framed(visit.page("video.html", videos=found, problem=""), media=[origin(one) for one in found])


async def picture(visit: Visit) -> web.StreamResponse:
    """A picture of a folder."""
    block = await _block(visit, Kind.PICTURES)
    jpeg = await visit.house.mine.picture(block, _number(visit.embedded["picture"].removesuffix(".jpg")))
    return web.Response(body=jpeg, content_type="image/jpeg")


def _remembered(visit: Visit, response: web.Response, word: str) -> web.Response:
    """With the cookie of a kiosk, which lasts for a year from each time that it starts."""
    if word:
        response.set_cookie(KIOSK_COOKIE, word, max_age=_YEAR, httponly=True, samesite="Lax", secure=visit.secure)
    return response


def _now(visit: Visit) -> PersonRef:
    """Who stands there now: nothing is told of anybody else."""
    who = visit.house.kiosks.who(visit.embedded["camera"])
    if who is None:
        raise RequestError("nobody stands there whose page may be shown now", code="conflict")
    return who


async def _block(visit: Visit, kind: Kind) -> Block:
    return await visit.house.mine.block(_now(visit).person_id, _number(visit.embedded["number"]), kind)


async def _pictures(visit: Visit, block: Block) -> int:
    if block.kind is not Kind.PICTURES:
        return 0
    with suppress(RequestError):
        return await visit.house.mine.pictures(block)
    return 0


def _framed(response: web.Response, more: str = "", *, media: Sequence[str] = ()) -> web.Response:
    """For a frame of our own pages."""
    policy = _FRAMED.replace("media-src", f"media-src {' '.join(dict.fromkeys(media))}")
    response.headers["Content-Security-Policy"] = f"{policy}; {more}" if more else policy
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _id(who: PersonRef | None) -> str | None:
    return who.person_id if who else None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise NotFoundError("part of this page", text[:50])
    return int(text[:6])


ROUTES = (
    Route(method="GET", path="/me", handler=choose, scope=Scope.KIOSK),
    Route(method="GET", path="/me/{camera}", handler=kiosk, scope=None),
    Route(method="GET", path="/me/{camera}/events", handler=events, scope=Scope.KIOSK),
    Route(method="GET", path="/me/{camera}/mine", handler=mine, scope=Scope.KIOSK),
    Route(method="GET", path="/me/{camera}/mine/{number}/feed", handler=feed, scope=Scope.KIOSK),
    Route(method="GET", path="/me/{camera}/mine/{number}/video", handler=video, scope=Scope.KIOSK),
    Route(method="GET", path="/me/{camera}/mine/{number}/pictures/{picture}", handler=picture, scope=Scope.KIOSK),
)
