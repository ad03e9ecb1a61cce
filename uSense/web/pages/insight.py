"""How the service is and was, and what happened in the last days."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

from uSense.core.access import Scope
from uSense.core.history import Kind, Wanted
from uSense.web import insight
from uSense.web.visit import Route, Visit

SHOWN = 100
"""Happenings on the page at first."""
_MORE = 1000
"""The most that are shown for whoever wants more."""


async def look(visit: Visit) -> web.StreamResponse:
    """All of it; what happened as it is asked for."""
    house, query = visit.house, visit.request.query
    words, report = house.renderer.texts["insight"], house.health()
    wanted = Wanted(query.get("person", ""), query.get("camera", ""), query.get("kind", ""))
    most = _MORE if "more" in query else SHOWN
    history, now = house.chronicle.history, time.time()
    happened = history.latest(wanted, most + 1, history.oldest(now))
    people = await house.control.people()
    names = {person.person_id: person.name for person in people}
    vitals = house.chronicle.vitals.copy()
    return visit.page(
        "insight.html",
        report=report,
        facts=_facts(report, words),
        troubles=insight.troubles(report, words["advice"]),
        charts=await asyncio.to_thread(insight.charts, vitals, words["charts"], now),
        wanted=wanted,
        people=people,
        cameras=sorted({*house.cameras(), *history.cameras()}),
        kinds=[kind.value for kind in Kind],
        days=insight.days(happened[:most], names, words["events"]),
        more=len(happened) > most and most < _MORE,
        query=visit.request.rel_url.raw_query_string,
    )


def _facts(report: Any, words: Any) -> list[tuple[str, str]]:
    """The numbers that everybody asks for."""
    facts = [(words["up"], _lasting(report.get("uptime_s", 0)))]
    if report.get("memory_mb") is not None:
        facts.append((words["memory"], f"{report['memory_mb']:.0f} MB"))
    if report.get("temperature_c") is not None:
        facts.append((words["temperature"], f"{report['temperature_c']:.0f} °C"))
    facts += [
        (words["camera"].format(camera=camera), words["fps"].format(fps=fps))
        for camera, fps in report.get("fps", {}).items()
    ]
    quota = report.get("quota") or {}
    if quota.get("left_month") is not None:
        facts.append((words["quota"], words["left"].format(left=quota["left_month"])))
    return facts


def _lasting(seconds: float) -> str:
    minutes = round(seconds // 60)
    days, hours = divmod(minutes // 60, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


ROUTES = (Route(method="GET", path="/insight", handler=look, scope=Scope.READ, label="insight"),)
