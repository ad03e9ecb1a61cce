"""The pages, put together over the service that they show."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from pydantic import BaseModel, SecretStr

from uSense import log
from uSense.aio import Lane
from uSense.chronicle import Chronicle
from uSense.control import Control
from uSense.core.addresses import network
from uSense.core.given import Given
from uSense.entities.payload import Context
from uSense.ports import Happenings
from uSense.settings import Loaded, Settings, showing
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
from uSense.web.report import Evidence
from uSense.web.server import WebServer

PATIENCE = 90.0
"""Seconds in which `usense doctor` has found what is wrong."""


@asynccontextmanager
async def opened_access(settings: Settings) -> AsyncIterator[Access]:
    """Who may come in; passwords are checked in a lane of their own."""
    async with Lane("passwords") as lane:
        yield open_access(settings.web, settings.data_dir, Notebook, lane)


@dataclass(frozen=True, slots=True)
class Ground:
    """What the pages stand on, beside the service."""

    settings: Settings
    loaded: Loaded | None
    """Where the settings come from, if that is known."""
    access: Access
    happenings: Happenings


def web_server(
    ground: Ground,
    control: Control,
    cameras: Watching,
    context: Context,
    health: Callable[[], Mapping[str, Any]],
) -> WebServer:
    """The server of the pages, to be run."""
    settings = ground.settings
    web = settings.web
    house = House(
        control=control,
        access=ground.access,
        hub=Hub(),
        chronicle=Chronicle(ground.happenings, web.history_days),
        live=Live(cameras.shot, cameras.scenes, context, fps=web.live_fps, width=web.live_width),
        kiosks=Kiosks(cameras.scenes, cameras.since, lambda camera: web.kiosks.get(camera, web.kiosk)),
        mine=Mine(control.pages, Fetcher([network(text) for text in web.fetch.allow]), web.pictures),
        passes=Passes(Notebook(settings.data_dir / passes.FILE), f"usense/{context.instance}"),
        cameras=lambda: {name: switch.on.is_set() for name, switch in cameras.switches.items()},
        context=context,
        health=health,
        given=partial(_given, ground),
        evidence=Evidence(
            lines=log.recent,
            secrets=partial(_secrets, settings),
            places=lambda: [settings.mqtt.host, socket.gethostname()],
            examine=partial(_examine, ground.loaded),
        ),
        metrics_from=[network(text) for text in settings.web.metrics_from],
        ready=lambda: bool(health()),
        renderer=Renderer({"menu": [(route.path, route.label) for route in pages.ROUTES if route.label]}),
    )
    return WebServer(web, house)


def _given(ground: Ground) -> list[Given]:
    """All settings in effect, without what could let anybody in."""
    rows = showing.given(ground.settings, ground.loaded)
    return [replace(row, value=log.mask(row.value)) for row in rows]


def _secrets(branch: BaseModel) -> list[str]:
    """All passwords and keys in the settings."""
    found: list[str] = []
    for value in (getattr(branch, name) for name in type(branch).model_fields):
        for one in value.values() if isinstance(value, dict) else [value]:
            if isinstance(one, SecretStr):
                found.append(one.get_secret_value())
            elif isinstance(one, BaseModel):
                found += _secrets(one)
    return found


async def _examine(loaded: Loaded | None) -> str:
    """`usense doctor` as a process of its own: what it loads leaves with it."""
    words = [sys.executable, "-m", "uSense", "doctor", "--json"]
    if loaded is not None and loaded.file is not None:
        words += ["--config", str(loaded.file)]
    process = await asyncio.to_thread(
        lambda: Popen(words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)  # noqa: S603 - nobody else's words
    )
    try:
        async with asyncio.timeout(PATIENCE):
            told, _ = await asyncio.to_thread(process.communicate)
    except TimeoutError:
        return json.dumps({"problem": f"usense doctor did not end within {PATIENCE:.0f} s"})
    finally:
        # Also what waits for it in a thread ends by that.
        process.kill()
    return told.decode("utf-8", "replace").strip() or json.dumps({"problem": "usense doctor said nothing"})
