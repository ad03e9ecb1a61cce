"""Every page and every address that programs ask: one file a family, one line here."""

from __future__ import annotations

from uSense.web import api
from uSense.web.pages import (
    access,
    adding,
    editing,
    insight,
    live,
    login,
    machines,
    me,
    people,
    report,
    settings,
    sightings,
    static,
    visitors,
)
from uSense.web.visit import Route

ROUTES: tuple[Route, ...] = (
    *static.ROUTES,
    *live.ROUTES,
    *sightings.ROUTES,
    *adding.ROUTES,
    *people.ROUTES,
    *editing.ROUTES,
    *me.ROUTES,
    *visitors.ROUTES,
    *insight.ROUTES,
    *report.ROUTES,
    *settings.ROUTES,
    *access.ROUTES,
    *login.ROUTES,
    *machines.ROUTES,
    *api.ROUTES,
)
