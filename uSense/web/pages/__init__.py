"""Every page and every address that programs ask: one file a family, one line here."""

from __future__ import annotations

from uSense.web import api
from uSense.web.pages import adding, editing, live, login, machines, me, people, sightings, static, visitors
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
    *login.ROUTES,
    *machines.ROUTES,
    *api.ROUTES,
)
