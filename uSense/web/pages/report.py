"""Download what helps to find a bug, after one was told what is in it."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.errors import RequestError
from uSense.web import report
from uSense.web.visit import Route, Visit

_making = asyncio.Semaphore(1)


async def ask(visit: Visit) -> web.StreamResponse:
    """Say what is in it, and what is not."""
    return visit.page("report.html", lines=len(visit.house.evidence.lines()))


async def download(visit: Visit) -> web.StreamResponse:
    """Make it; one at a time. As it costs something, no link of another site may ask for it: it is a form."""
    house, words, form = visit.house, visit.house.renderer.texts["report"], await visit.form()
    if _making.locked():
        raise RequestError(words["busy"], code="busy")
    async with _making:
        findings = await house.evidence.examine() if "doctor" in form else ""
        given = await asyncio.to_thread(house.given)
        people = {**house.chronicle.names, **{one.name: one.person_id for one in await house.control.people()}}
        clean = report.redactor(house.evidence, people)
        inside = [line.format(lines=len(house.evidence.lines())) for line in words["in"]]
        about = "\n".join([words["what"], "", *inside, *([words["doctor"]] if findings else []), "", words["out"]])
        body = await asyncio.to_thread(report.packed, clean, about, house.health(), given, house.evidence, findings)
    name = f"usense-report-{time.strftime('%Y%m%d-%H%M%S')}.zip"
    heads = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, content_type="application/zip", headers=heads)


ROUTES = (
    Route(method="GET", path="/insight/report", handler=ask, scope=Scope.ADMIN),
    Route(method="POST", path="/insight/report.zip", handler=download, scope=Scope.ADMIN),
)
