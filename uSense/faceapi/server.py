"""The served contract on a port: keys, socket, and a server that lives until it is canceled."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from uSense.core.errors import SettingsError
from uSense.faceapi.gateway import application
from uSense.faceapi.seams import Parts
from uSense.faceapi.service import Service, open_service
from uSense.faceapi.settings import FaceApiSettings

log = structlog.get_logger()

KEY_FILE = "face-api.key"
"""Where the key is that is made when none is given."""
FAREWELL = 1.0
"""Seconds that calls under way have when the server ends."""
IDLE = 60.0
"""Seconds after which a connection without a call is closed."""
LEAST_KEY = 16
"""Signs of a key that lets a whole network in."""
MOST_CONNECTIONS = 100
"""Connections at once, a few more if they come together; others are closed: files are needed for more than this."""
_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class Door:
    """An open socket, and how what comes through it is encrypted."""

    listener: socket.socket
    encryption: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Keys:
    """What clients send, and the file that holds it, if it was made here."""

    texts: tuple[bytes, ...]
    made: Path | None = None


class FaceServer:
    """Serves on an open socket; the work begins with `run`."""

    def __init__(self, settings: FaceApiSettings, parts: Parts, keys: Keys, door: Door) -> None:
        self.settings = settings
        self.keys = keys
        self._parts = parts
        self._door = door
        self._service: Service | None = None

    @property
    def address(self) -> str:
        """Where it is reached from this machine, as far as the version."""
        host, port = self._door.listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is not bound here
        scheme = "http" if self.settings.certificate is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/face/v1.0"

    def counters(self) -> dict[str, int]:
        """Counters for health."""
        return {} if self._service is None else self._service.counters()

    async def run(self) -> None:
        """Serve until canceled; trainings under way end then, and count as interrupted."""
        async with open_service(self.settings, self._parts) as self._service:
            app = application(self._service, self.keys.texts)
            runner = web.AppRunner(
                app, access_log=None, logger=_bugs(), shutdown_timeout=FAREWELL, keepalive_timeout=IDLE
            )
            try:
                await runner.setup()
                opened = await self._opened(runner, self._service)
                try:
                    log.info("face api served", address=self.address)
                    await asyncio.Event().wait()
                finally:
                    opened.close()
            finally:
                await runner.cleanup()

    async def _opened(self, runner: web.AppRunner, service: Service) -> asyncio.Server:
        """Let clients in, so many at once."""
        handlers = runner.server
        assert handlers is not None  # noqa: S101 - `setup` made it

        def connection() -> asyncio.Protocol:
            if len(handlers.connections) < MOST_CONNECTIONS:
                return handlers()
            service.turned_away += 1
            return _TurnedAway()

        door, loop = self._door, asyncio.get_running_loop()
        return await loop.create_server(connection, sock=door.listener, ssl=door.encryption, backlog=_BACKLOG)


class _TurnedAway(asyncio.Protocol):
    """A connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@contextmanager
def listening(settings: FaceApiSettings) -> Iterator[Door]:
    """An open door; raises SettingsError if address or certificate cannot be had; blocks for a moment."""
    encryption = _encryption(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        why = os.strerror(error.errno) if error.errno else str(error)
        todo = "choose another port: face_api.port, or --port of `usense face-api`"
        raise SettingsError(f"face_api: cannot listen at {where}: {why}; {todo}") from error
    with listener:
        yield Door(listener, encryption)


def keys(settings: FaceApiSettings, data_dir: Path) -> Keys:
    """The keys of the settings, or the one of the data folder, which is made if there is none; blocks.

    Raises SettingsError for keys that are none, or too short for more than this machine.
    """
    if settings.key is not None:
        return Keys(_checked(settings.key.get_secret_value(), settings.host, "face_api.key"))
    path = data_dir / KEY_FILE
    try:
        with suppress(FileExistsError):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as opened:
                opened.write(f"{secrets.token_hex(16)}\n")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the key of the Face API cannot be kept in {path}: {error}") from error
    return Keys(_checked(text, settings.host, str(path)), path)


def _bugs() -> logging.Logger:
    """Where aiohttp tells what failed: not what clients send that is no HTTP, for which they are answered 400."""
    logger = logging.getLogger(f"{__name__}.http")
    logger.addFilter(_is_bug)
    return logger


def _is_bug(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _checked(text: str, host: str, where: str) -> tuple[bytes, ...]:
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found or not all(line.isascii() and line.isprintable() for line in found):
        raise SettingsError(f"{where}: must hold a key of letters and digits, or several, one a line")
    if not ip_address(host).is_loopback and any(len(line) < LEAST_KEY for line in found):
        raise SettingsError(f"{where}: a key for more than this machine (face_api.host) needs {LEAST_KEY} signs")
    return tuple(line.encode("ascii") for line in found)


def _encryption(settings: FaceApiSettings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.certificate_key, password="")
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(
            f"face_api.certificate: {settings.certificate}: must hold a certificate (PEM), and the key must be its own "
            "and have no password"
        ) from error
    return context
