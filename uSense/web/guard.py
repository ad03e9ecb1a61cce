"""What stands between the network and every handler: who asks, from where, and may they."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import web

from uSense.core.access import Scope
from uSense.core.addresses import Network, is_own, within
from uSense.core.errors import RequestError, StorageError, UsenseError
from uSense.web import sessions
from uSense.web.visit import Caller, Handler, Route, Visit

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
    "busy": 429,
    "camera_offline": 409,
    "unavailable": 503,
    "forbidden": 403,
    "log_in": 401,
    "wrong_token": 401,
    "taken_back": 401,
    "bad_method": 405,
    "too_slow": 408,
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
_ELSEWHERE = (
    "only this machine is let in, as 127.0.0.1 or localhost: set a password (`usense passwd`), "
    "or name your proxy in web.trusted_proxies"
)
_UNREAD = "the data folder cannot be read now: the log says more"

Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Makes aiohttp's handlers of routes."""

    def __init__(self, house: House, proxies: Sequence[Network], *, own: bool = False) -> None:
        """With `own` only this machine is let in, and only by a name of its own."""
        self._house = house
        self._proxies = tuple(proxies)
        self._own = own

    def answer(self, route: Route) -> Answer:
        """The handler that checks, answers, and says in plain words what was wrong."""

        async def answered(request: web.Request) -> web.StreamResponse:
            visit = self._visit(request)
            try:
                self._require_own(visit)
                visit = await self._known(visit)
                return await self._allowed(route, visit)
            except UsenseError as error:
                return self._refusal(route, visit, error)

        return answered

    @web.middleware
    async def astray(self, request: web.Request, handler: Answer) -> web.StreamResponse:
        """Answer what no route does; strangers hear what they hear everywhere, not what there is."""
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            missed = error
        route = Route(method=request.method, path="", handler=_missing(missed), scope=Scope.KIOSK, checked=False)
        response = await self.answer(route)(request)
        if response.status == STATUSES["bad_method"]:
            response.headers["Allow"] = missed.headers["Allow"]
        return response

    def _require_own(self, visit: Visit) -> None:
        """Refuse what a browser here was led to by a name that somebody else gave to this machine."""
        if self._own and not is_own(visit.origin) and not within(visit.request.remote or "", self._proxies):
            raise RequestError(_ELSEWHERE, code="forbidden")

    def _visit(self, request: web.Request) -> Visit:
        # Not `request.host`: without the header that one asks for this machine's name in the network, and waits.
        address, scheme, host = request.remote or "", request.scheme, request.headers.get("Host", "")
        if within(address, self._proxies):
            heads = request.headers
            address = self._client(",".join(heads.getall("X-Forwarded-For", ())), address)
            scheme = {"https": "https", "http": "http"}.get(heads.get("X-Forwarded-Proto", ""), scheme)
            host = heads.get("X-Forwarded-Host", host)
        return Visit(request, self._house, Caller(), f"{scheme}://{host}", address)

    async def _known(self, visit: Visit) -> Visit:
        """The same, of whoever it is. Raises StorageError."""
        caller = await self._caller(visit.request)
        return replace(visit, caller=caller, csrf=sessions.csrf(caller.word) if caller.word else "")

    def _client(self, forwarded: str, proxy: str) -> str:
        """The last address that no trusted proxy has: what stands before it anybody may have written."""
        for address in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not within(address, self._proxies):
                return address
        return proxy

    async def _caller(self, request: web.Request) -> Caller:
        access = self._house.access
        kind, _, word = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            token = await access.tokens.find(word.strip())
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
        if visit.request.method not in _SAFE or (visit.caller.word and not _led(visit.request)):
            visit.require_origin()
        if visit.request.method not in _SAFE and route.checked and visit.caller.word:
            await _require_word(visit)
        return await route.handler(visit)

    def _refusal(self, route: Route, visit: Visit, error: UsenseError) -> web.StreamResponse:
        """What went wrong: for programs as JSON, for people as a page, or the log-in that is missing."""
        told = refusal(error)
        code, message = told["code"], told["message"]
        if isinstance(error, StorageError):
            log.warning("not answered", problem=message)
            message = _UNREAD if visit.caller.scope is None else message
        path = urlsplit(str(visit.request.rel_url)).path
        if path.startswith("/api/") or not _wants_page(visit.request):
            return visit.json({"status": "error", "error": {"code": code, "message": message}}, status=status(error))
        if code == "log_in" and route.method == "GET":
            back = quote(str(visit.request.rel_url)[:_LONGEST_PATH], safe="")
            return visit.lead(f"/login?to={back}")
        return visit.page("refused.html", status=status(error), message=message)


def refusal(error: UsenseError) -> dict[str, str]:
    """What went wrong, for programs."""
    return {"code": error.code if isinstance(error, RequestError) else "unavailable", "message": str(error)}


def status(error: UsenseError) -> int:
    """HTTP's number for it."""
    return STATUSES.get(refusal(error)["code"], 400)


def _missing(missed: web.HTTPException) -> Handler:
    """The handler of what is not there; a page's address that only takes forms leads to the page."""

    async def answered(visit: Visit) -> web.StreamResponse:
        request = visit.request
        if not isinstance(missed, web.HTTPMethodNotAllowed):
            raise RequestError("there is nothing at this address", code="not_found")
        if request.method == "GET" and _wants_page(request) and not request.path.startswith("/api/"):
            return visit.lead(await _above(request))
        message = f"this address does not take {request.method[:20]}, only {missed.headers['Allow']}"
        raise RequestError(message, code="bad_method")

    return answered


async def _above(request: web.Request) -> str:
    """The nearest address above this one that can be visited."""
    path = request.rel_url.raw_path
    while path := path.rpartition("/")[0]:
        found = await request.app.router.resolve(request.clone(rel_url=request.rel_url.with_path(path, encoded=True)))
        if found.http_exception is None:
            return path
    return "/"


async def _require_word(visit: Visit) -> None:
    """Refuse what does not bring along what our own pages do."""
    sent = visit.request.headers.get(CSRF_HEADER, "")
    if not sent and visit.request.content_type == "application/x-www-form-urlencoded":
        sent = (await visit.form()).get(CSRF_FIELD, "")
    visit.require_word(sent)


def _led(request: web.Request) -> bool:
    """Whether somebody follows a link to here, which pages of other sites may hold."""
    return request.headers.get("Sec-Fetch-Mode") == "navigate"


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """What makes browsers careful, on every answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall("Server", None)
