"""What `usense doctor` finds of the pages: whether they can be visited, and from where."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from uSense import doors
from uSense.core.errors import SettingsError, StorageError
from uSense.core.findings import Finding, ok, warning
from uSense.storage.lock import is_served
from uSense.web import passwords
from uSense.web.server import EVERYWHERE, LOOPBACK
from uSense.web.settings import WebSettings

if TYPE_CHECKING:
    from uSense.settings import Settings

ANSWER_WITHIN = 2.0
"""Seconds for the running service to take a connection."""


async def look(settings: Settings) -> Finding:
    """The pages: switched off, without a password, at a port that others have, or well."""
    if not settings.web.enabled:
        return ok("pages", "they are switched off (web.enabled)")
    try:
        protected = await asyncio.to_thread(_protected, settings.data_dir / passwords.FILE)
        served = await asyncio.to_thread(is_served, settings.data_dir)
    except (OSError, StorageError) as error:
        return warning("pages", f"it cannot be read whether there is a password: {error}")
    host = settings.web.host or EVERYWHERE if protected else LOOPBACK
    if trouble := await (_unanswered(host, settings.web.port) if served else _closed(host, settings.web)):
        return trouble
    where = f"port {settings.web.port} {'answers' if served else 'is free'}" if settings.web.port else "any free port"
    if protected:
        return ok("pages", f"{where}, and a password is set")
    return warning("pages", f"{where}, but only this machine is let in: no password is set", "usense passwd")


def _protected(file: Path) -> bool:
    """Whether there is a password; what is not readable as one is none, and stays where it is."""
    try:
        kept = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(kept, dict) and bool(kept.get("argon2"))


async def _unanswered(host: str, port: int) -> Finding | None:
    """Whether the running service is silent; at a port that it chose itself it is not looked for."""
    if not port:
        return None
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # TimeoutError is one
        text = f"a service runs, but nothing answers at port {port}"
        return warning("pages", text, "`usense/health` and the log of the service tell why")
    writer.close()
    return None


async def _closed(host: str, web: WebSettings) -> Finding | None:
    """Whether the door cannot be opened, as the service would: because of the port or the certificate."""
    place = doors.Place("web", host, web.port, web.certificate, web.certificate_key)

    def opened() -> None:
        with doors.listening(place):
            pass

    try:
        await asyncio.to_thread(opened)
    except SettingsError as error:
        return warning("pages", str(error))
    return None
