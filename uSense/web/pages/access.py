"""Change who may come in: another password, log-ins that end, tokens that are made and taken back."""

from __future__ import annotations

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.web import sessions
from uSense.web.pages.login import admit
from uSense.web.pages.settings import show
from uSense.web.visit import Route, Visit


async def set_password(visit: Visit) -> web.StreamResponse:
    """Another password for whoever knows the old one; everybody else has to log in again."""
    form, words = await visit.form(), visit.house.renderer.texts["settings"]
    if form.get("new", "") != form.get("again", ""):
        return await show(visit, problem=words["differ"])
    try:
        word = await visit.house.access.change_password(
            form.get("old", ""), form.get("new", ""), visit.address, visit.browser
        )
    except RequestError as error:
        return await show(visit, problem=str(error))
    return admit(visit, visit.lead("/settings?done=password"), word)


async def end(visit: Visit) -> web.StreamResponse:
    """End one log-in, or all but one's own."""
    form, access = await visit.form(), visit.house.access
    mine = sessions.key(visit.caller.word)
    chosen = set(await access.log_ins()) - {mine} if "others" in form else {form.get("key", "")}
    await access.sessions.close(chosen)
    return visit.lead("/settings?done=ended")


async def make(visit: Visit) -> web.StreamResponse:
    """A new token, which the next page shows once: loading that again makes and shows none."""
    form, words = await visit.form(), visit.house.renderer.texts["settings"]
    try:
        scope = Scope(form.get("scope", ""))
    except ValueError:
        return await show(visit, problem=words["which_scope"])
    try:
        _, word = await visit.house.access.tokens.make(form.get("name", ""), scope)
    except RequestError as error:
        return await show(visit, problem=str(error))
    return visit.lead(f"/settings?made={visit.house.slips.put(visit.owner, word)}")


async def take_back(visit: Visit) -> web.StreamResponse:
    """A token counts no more, nor does any kiosk that came in by it."""
    await visit.house.access.tokens.take_back((await visit.form()).get("token", ""))
    return visit.lead("/settings?done=taken_back")


ROUTES = (
    Route(method="POST", path="/settings/password", handler=set_password, scope=Scope.ADMIN),
    Route(method="POST", path="/settings/log-ins", handler=end, scope=Scope.ADMIN),
    Route(method="POST", path="/settings/tokens", handler=make, scope=Scope.ADMIN),
    Route(method="POST", path="/settings/tokens/remove", handler=take_back, scope=Scope.ADMIN),
)
