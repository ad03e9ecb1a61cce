"""In and out."""

from __future__ import annotations

from aiohttp import web

from uSense.core.errors import RequestError
from uSense.web.guard import COOKIE
from uSense.web.visit import Route, Visit

_YEAR = 31_536_000


async def ask(visit: Visit) -> web.StreamResponse:
    """The form, or how to set a password while there is none."""
    protected = bool(await visit.house.access.passwords.mark())
    return visit.page("login.html", protected=protected, to=_inside(visit.request.query.get("to", "/")), message="")


async def enter(visit: Visit) -> web.StreamResponse:
    """Check the password and begin a log-in; a new word each time, whatever cookie was sent along."""
    form = await visit.form()
    to = _inside(form.get("to", "/"))
    try:
        word = await visit.house.access.log_in(form.get("password", ""), visit.address, visit.browser)
    except RequestError as error:
        status = 429 if error.code == "too_many_attempts" else 403
        return visit.page("login.html", status=status, protected=True, to=to, message=str(error))
    await _end(visit)
    return admit(visit, visit.lead(to), word)


def admit(visit: Visit, response: web.Response, word: str) -> web.Response:
    """The answer with the cookie of a log-in."""
    response.set_cookie(COOKIE, word, max_age=_YEAR, httponly=True, samesite="Lax", secure=visit.secure, path="/")
    return response


async def leave(visit: Visit) -> web.StreamResponse:
    """End the log-in, here and in the browser."""
    await _end(visit)
    response = visit.lead("/login")
    response.del_cookie(COOKIE, path="/")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


async def _end(visit: Visit) -> None:
    """End the log-in that the browser has, which need not be who asks: a kiosk's screen stays let in."""
    await visit.house.access.sessions.end(visit.request.cookies.get(COOKIE, ""))


def _inside(path: str) -> str:
    """A path of ours, or the first page: who logs in is not sent elsewhere."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if safe else "/"


ROUTES = (
    Route(method="GET", path="/login", handler=ask, scope=None),
    Route(method="POST", path="/login", handler=enter, scope=None, checked=False),
    Route(method="POST", path="/logout", handler=leave, scope=None),
)
