"""Every page and every address that programs ask: one file a family, one line here."""

from __future__ import annotations

from uSense.web import api
from uSense.web.pages import live, login, machines, sightings, static
from uSense.web.visit import Route

ROUTES: tuple[Route, ...] = (
    *static.ROUTES,
    *live.ROUTES,
    *sightings.ROUTES,
    *login.ROUTES,
    *machines.ROUTES,
    *api.ROUTES,
)
