"""The pages, put together over the service that they show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from uSense.aio import Lane
from uSense.control import Control
from uSense.core.addresses import network
from uSense.entities.payload import Context
from uSense.settings import Settings
from uSense.storage.notebook import Notebook
from uSense.watching import Watching
from uSense.web import pages, passes
from uSense.web.access import Access, open_access
from uSense.web.fetching import Fetcher
from uSense.web.house import House
from uSense.web.hub import Hub
from uSense.web.kiosks import Kiosks
from uSense.web.live import Live
from uSense.web.mine import Mine
from uSense.web.passes import Passes
from uSense.web.rendering import Renderer
from uSense.web.server import WebServer


@asynccontextmanager
async def opened_access(settings: Settings) -> AsyncIterator[Access]:
    """Who may come in; passwords are checked in a lane of their own."""
    async with Lane("passwords") as lane:
        yield open_access(settings.web, settings.data_dir, Notebook, lane)


def web_server(
    settings: Settings,
    access: Access,
    control: Control,
    cameras: Watching,
    context: Context,
    health: Callable[[], Mapping[str, Any]],
) -> WebServer:
    """The server of the pages, to be run."""
    web = settings.web
    house = House(
        control=control,
        access=access,
        hub=Hub(),
        live=Live(cameras.shot, cameras.scenes, web.live_fps, web.live_width),
        kiosks=Kiosks(cameras.scenes, cameras.online, lambda camera: web.kiosks.get(camera, web.kiosk)),
        mine=Mine(control.pages, Fetcher([network(text) for text in web.fetch.allow]), web.pictures),
        passes=Passes(Notebook(settings.data_dir / passes.FILE), f"usense/{context.instance}"),
        cameras=lambda: {name: switch.on.is_set() for name, switch in cameras.switches.items()},
        context=context,
        health=health,
        ready=lambda: bool(health()),
        renderer=Renderer({"menu": [(route.path, route.label) for route in pages.ROUTES if route.label]}),
    )
    return WebServer(web, house)
