"""The served contract on a port: keys, socket, and a server that lives until it is canceled."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import structlog

from uSense import doors
from uSense.core.errors import SettingsError
from uSense.doors import Door, Place
from uSense.faceapi.gateway import application
from uSense.faceapi.seams import Parts
from uSense.faceapi.service import Service, open_service
from uSense.faceapi.settings import FaceApiSettings

log = structlog.get_logger()

KEY_FILE = "face-api.key"
"""Where the key is that is made when none is given."""
LEAST_KEY = 16
"""Signs of a key that lets a whole network in."""


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
        return f"{self._door.origin}/face/v1.0"

    def counters(self) -> dict[str, int]:
        """Counters for health."""
        return {} if self._service is None else self._service.counters()

    async def run(self) -> None:
        """Serve until canceled; trainings under way end then, and count as interrupted."""
        async with open_service(self.settings, self._parts) as self._service:
            app = application(self._service, self.keys.texts)
            async with doors.serving(self._door, app, self._service.turn_away):
                log.info("face api served", address=self.address)
                await asyncio.Event().wait()


def place(settings: FaceApiSettings) -> Place:
    """Where the contract is served."""
    return Place(
        "face_api",
        settings.host,
        settings.port,
        settings.certificate,
        settings.certificate_key,
        hint=", or --port of `usense face-api`",
    )


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


def _checked(text: str, host: str, where: str) -> tuple[bytes, ...]:
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found or not all(line.isascii() and line.isprintable() for line in found):
        raise SettingsError(f"{where}: must hold a key of letters and digits, or several, one a line")
    if not ip_address(host).is_loopback and any(len(line) < LEAST_KEY for line in found):
        raise SettingsError(f"{where}: a key for more than this machine (face_api.host) needs {LEAST_KEY} signs")
    return tuple(line.encode("ascii") for line in found)
