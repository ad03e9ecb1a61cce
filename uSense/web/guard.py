"""What stands between the network and every handler: who asks, from where, and may they."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from uSense.core.addresses import Network, within
from uSense.core.errors import RequestError, StorageError, UsenseError
from uSense.web import sessions
from uSense.web.visit import Caller, Route, Visit

if TYPE_CHECKING:
    from uSense.web.house import House

log = structlog.get_logger()

COOKIE = "usense"
"""Holds the word of a log-in."""
KIOSK_COOKIE = "usense_kiosk"
"""Holds the word of a kiosk's log-in, which is another one: whoever cares for the kiosk may log in beside it."""
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
STATUSES = {
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "busy": 503,
    "unavailable": 503,
    "camera_offline": 503,
    "forbidden": 403,
    "log_in": 401,
}
"""HTTP's numbers for codes of errors; all others are 400."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""On every answer that does not say otherwise itself."""
_SAFE = {"GET", "HEAD"}
_LONGEST_PATH = 200

Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Makes aiohttp's handlers of routes."""

    def __init__(self, house: House, proxies: Sequence[Network]) -> None:
        self._house = house
        self._proxies = tuple(proxies)

    def answer(self, route: Route) -> Answer:
        """The handler that checks, answers, and says in plain words what was wrong."""

        async def answered(request: web.Request) -> web.StreamResponse:
            try:
                visit = await self._visit(request)
                try:
                    return await self._allowed(route, visit)
                except UsenseError as error:
                    return self._refusal(route, visit, error)
            except StorageError as error:
                log.warning("not answered", problem=str(error))
                raise web.HTTPServiceUnavailable(text=str(error)) from error

        return answered

    async def _visit(self, request: web.Request) -> Visit:
        address, scheme, host = request.remote or "", request.scheme, request.host
        if within(address, self._proxies):
            heads = request.headers
            address = self._client(heads.get("X-Forwarded-For", ""), address)
            scheme = {"https": "https", "http": "http"}.get(heads.get("X-Forwarded-Proto", ""), scheme)
            host = heads.get("X-Forwarded-Host", host)
        caller = await self._caller(request)
        csrf = sessions.csrf(caller.word) if caller.word else ""
        return Visit(request, self._house, caller, f"{scheme}://{host}", address, csrf)

    def _client(self, forwarded: str, proxy: str) -> str:
        """The last address that no trusted proxy has: what stands before it anybody may have written."""
        for address in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not within(address, self._proxies):
                return address
        return proxy

    async def _caller(self, request: web.Request) -> Caller:
        access = self._house.access
        authorization = request.headers.get("Authorization", "")
        if authorization:
            kind, _, word = authorization.partition(" ")
            token = await access.tokens.find(word.strip()) if kind.lower() == "bearer" else None
            return Caller() if token is None else Caller(token.scope, token_id=token.token_id)
        if (word := request.cookies.get(COOKIE, "")) and (found := await access.session(word)):
            return Caller(found.scope, word=word)
        if (word := request.cookies.get(KIOSK_COOKIE, "")) and (found := await access.kiosk(word)):
            return Caller(found.scope, word=word, token_id=found.mark)
        return Caller()

    async def _allowed(self, route: Route, visit: Visit) -> web.StreamResponse:
        if route.scope is not None and not visit.caller.may(route.scope):
            if visit.caller.scope is None:
                raise RequestError("log in first, or send a token: Authorization: Bearer usense_...", code="log_in")
            message = f"this needs the scope {route.scope}, and yours is {visit.caller.scope}"
            raise RequestError(message, code="forbidden")
        if visit.request.method not in _SAFE:
            visit.require_origin()
            if route.checked and visit.caller.word:
                await _require_word(visit)
        return await route.handler(visit)

    def _refusal(self, route: Route, visit: Visit, error: UsenseError) -> web.StreamResponse:
        """What went wrong: for programs as JSON, for people as a page, or the log-in that is missing."""
        code = error.code if isinstance(error, RequestError) else "unavailable"
        status = STATUSES.get(code, 400 if isinstance(error, RequestError) else 503)
        path = urlsplit(str(visit.request.rel_url)).path
        if path.startswith("/api/") or not _wants_page(visit.request):
            return visit.json({"status": "error", "error": {"code": code, "message": str(error)}}, status=status)
        if code == "log_in" and route.method == "GET":
            back = quote(str(visit.request.rel_url)[:_LONGEST_PATH], safe="")
            return visit.lead(f"/login?to={back}")
        return visit.page("refused.html", status=status, message=str(error))


async def _require_word(visit: Visit) -> None:
    """Refuse what does not bring along what our own pages do."""
    sent = visit.request.headers.get(CSRF_HEADER, "")
    if not sent and visit.request.content_type == "application/x-www-form-urlencoded":
        sent = (await visit.form()).get(CSRF_FIELD, "")
    if not hmac.compare_digest(sent.encode(), visit.csrf.encode()):
        raise RequestError("the form is out of date: load the page again", code="forbidden")


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """What makes browsers careful, on every answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall("Server", None)
