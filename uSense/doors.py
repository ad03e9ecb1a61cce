"""Doors for HTTP: an open socket, its encryption, and a server that lets so many in and lives until it is canceled."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from uSense.core.errors import SettingsError

FAREWELL = 1.0
"""Seconds that calls under way have when the server ends."""
IDLE = 60.0
"""Seconds after which a connection without a call is closed."""
HANDSHAKE = 10.0
"""Seconds in which a client has to agree upon the encryption."""
MOST_CONNECTIONS = 100
"""Connections at once, with those that do not speak yet; others are closed: files are needed for more than this."""
_BACKLOG = 64
_UNREAD = 30_000
"""Milliseconds in which a client has to take what is sent to it, before its connection is given up."""


_CAREFUL = {
    "Server": "uSense",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Door:
    """An open socket, and how what comes through it is encrypted."""

    listener: socket.socket
    encryption: ssl.SSLContext | None

    @property
    def origin(self) -> str:
        """Where it is reached from this machine."""
        host, port = self.listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is not bound here
        scheme = "http" if self.encryption is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen: `branch` is the name of these settings in messages."""

    branch: str
    host: str
    port: int
    certificate: Path | None = None
    certificate_key: Path | None = None
    hint: str = ""
    """What else chooses a port."""


@contextmanager
def listening(place: Place) -> Iterator[Door]:
    """An open door; raises SettingsError if address or certificate cannot be had; blocks for a moment."""
    encryption = _encryption(place)
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        listener = socket.create_server((place.host, place.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"{place.host} port {place.port}"
        why = os.strerror(error.errno) if error.errno else str(error)
        todo = f"choose another port: {place.branch}.port{place.hint}"
        raise SettingsError(f"{place.branch}: cannot listen at {where}: {why}; {todo}") from error
    # Those who come through it inherit it; there is no other bound for who asks and then does not listen.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD)
    with listener:
        yield Door(listener, encryption)


@asynccontextmanager
async def serving(door: Door, app: web.Application, turned_away: Callable[[], None]) -> AsyncIterator[None]:
    """Answer through a door; connections beyond the bound are closed, and `turned_away` hears of each.

    Nothing that was sent is unpacked: a small packet may hold any amount.
    """
    kind: dict[str, Any] = {
        "access_log": None,
        "logger": _bugs(),
        "keepalive_timeout": IDLE,
        "auto_decompress": False,
    }
    runner = web.AppRunner(app, shutdown_timeout=FAREWELL, **kind)
    try:
        await runner.setup()
        handlers = runner.server
        assert handlers is not None  # noqa: S101 - `setup` made it

        def connection() -> asyncio.Protocol:
            if len(handlers.connections) + len(knocking) >= MOST_CONNECTIONS:
                turned_away()
                return _TurnedAway()
            made = _Connection(handlers, loop=loop, **kind)
            made.knock(knocking)
            return made

        knocking: set[_Connection] = set()
        loop = asyncio.get_running_loop()
        patience = HANDSHAKE if door.encryption else None
        server = await loop.create_server(
            connection, sock=door.listener, ssl=door.encryption, backlog=_BACKLOG, ssl_handshake_timeout=patience
        )
        try:
            yield
        finally:
            server.close()
    finally:
        await runner.cleanup()


class _Connection(web.RequestHandler):
    """A connection of a client."""

    def knock(self, knocking: set[_Connection]) -> None:
        """Be one of those who knock, until it is open; nobody tells of a handshake that failed."""
        self._knocking = knocking
        knocking.add(self)
        self._given_up = asyncio.get_running_loop().call_later(HANDSHAKE, knocking.discard, self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._knocking.discard(self)
        self._given_up.cancel()
        super().connection_made(transport)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and what failed here, without saying what program this is."""
        response = super().handle_error(request, status, exc, message)
        response.headers.update(_CAREFUL)
        return response


class _TurnedAway(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _bugs() -> logging.Logger:
    """Where aiohttp tells what failed: not what clients send that is no HTTP, for which they are answered 400."""
    logger = logging.getLogger(f"{__name__}.http")
    logger.addFilter(_is_bug)
    return logger


def _is_bug(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _encryption(place: Place) -> ssl.SSLContext | None:
    if place.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(place.certificate, place.certificate_key, password="")
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(
            f"{place.branch}.certificate: {place.certificate}: must hold a certificate (PEM), and the key must be its "
            "own and have no password"
        ) from error
    return context
