"""The pages on a port: on this machine alone until a password is set, then on the network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from ipaddress import ip_address

import structlog
from aiohttp import web

from uSense import doors
from uSense.core.addresses import network
from uSense.core.errors import SettingsError, StorageError
from uSense.core.pacing import backoff
from uSense.doors import Place
from uSense.web import pages
from uSense.web.guard import Guard, add_headers
from uSense.web.house import House
from uSense.web.settings import WebSettings
from uSense.web.visit import SMALL, Route

log = structlog.get_logger()

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - only once there is a password
LOOK = 5.0
"""Seconds between two looks whether a password was set or taken away."""


class WebServer:
    """Serves the pages until canceled."""

    def __init__(self, settings: WebSettings, house: House, routes: Sequence[Route] = pages.ROUTES) -> None:
        self.settings = settings
        self.house = house
        self.routes = tuple(routes)
        self.problem = ""
        """Why nobody can visit, or not as the settings say; empty if all is well."""
        self.origin = ""
        """Where it is reached from this machine, while it is served."""
        self.turned_away = 0

    async def run(self) -> None:
        """Open the door, again when a password was set; a port that is taken is tried again."""
        await asyncio.to_thread(self.house.renderer.load)
        await self.house.access.sessions.load()
        pauses = _pauses()
        while True:
            wanted = await self._wanted()
            try:
                await self._serve(wanted)
                pauses = _pauses()
            except SettingsError as error:
                if self.problem != str(error):
                    log.warning("pages not served", problem=str(error))
                self.problem = str(error)
                await asyncio.sleep(next(pauses))

    def problems(self) -> dict[str, str]:
        """What is wrong, for health."""
        return {"web": self.problem} if self.problem else {}

    def counters(self) -> dict[str, int]:
        """Counters for health."""
        return {"web_turned_away": self.turned_away, "web_events_dropped": self.house.hub.dropped}

    async def _serve(self, place: Place) -> None:
        """Answer until the place should be another one."""
        with ExitStack() as stack:
            door = await asyncio.to_thread(stack.enter_context, doors.listening(place))
            async with doors.serving(door, self._application(place), self._turn_away):
                self.origin = door.origin
                self.problem = ""
                if self.settings.host not in {"", place.host}:
                    self.problem = (
                        f"no password is set: only this machine is let in until `usense passwd` ({door.origin})"
                    )
                log.info("pages served", address=door.origin, from_elsewhere=elsewhere(place.host, door.origin))
                await self._changed(place)
        self.origin = ""

    async def _wanted(self) -> Place:
        """Where to listen now."""
        settings = self.settings
        try:
            protected = bool(await self.house.access.passwords.mark())
        except StorageError as error:
            log.warning("password not read", problem=str(error))
            protected = False
        host = settings.host or EVERYWHERE if protected else LOOPBACK
        return Place("web", host, settings.port, settings.certificate, settings.certificate_key)

    async def _changed(self, place: Place) -> None:
        """Wait until the place should be another one; `usense passwd` is another process, so it is looked for."""
        wanted = place
        while wanted == place:
            await asyncio.sleep(LOOK)
            wanted = await self._wanted()

    def _application(self, place: Place) -> web.Application:
        proxies = [network(text) for text in self.settings.trusted_proxies]
        guard = Guard(self.house, proxies, own=ip_address(place.host).is_loopback)
        app = web.Application(client_max_size=SMALL, middlewares=[guard.astray])
        for route in self.routes:
            app.router.add_route(route.method, route.path, guard.answer(route))
        app.on_response_prepare.append(add_headers)
        return app

    def _turn_away(self) -> None:
        self.turned_away += 1


def elsewhere(host: str, origin: str) -> str | None:
    """What other machines call what is `origin` here; None if they are not let in."""
    bound = ip_address(host)
    if not bound.is_unspecified:
        return None if bound.is_loopback else origin
    scheme, port = origin.partition("://")[0], origin.rpartition(":")[2]
    return f"{scheme}://{socket.gethostname()}:{port}"


def _pauses() -> Iterator[float]:
    return backoff(1.0, 30.0, lambda: 0.5)
