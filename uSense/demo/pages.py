"""The pages of the demo's service: on a free port of this machine, with a password of this demo alone."""

from __future__ import annotations

import asyncio
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uSense.aio import Lane
from uSense.demo.broker import LOOPBACK
from uSense.storage.notebook import Notebook
from uSense.web.passwords import FILE, Passwords

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are mistaken for others: people type it."""
_LENGTH = 10
_KNOCK = 0.1
"""Seconds between two looks whether the door is open."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages will be, and the password that was set."""

    port: int
    password: str

    @property
    def settings(self) -> dict[str, Any]:
        """The branch `web` of the service."""
        return {"host": LOOPBACK, "port": self.port}

    @property
    def address(self) -> str:
        """For a browser."""
        return f"http://{LOOPBACK}:{self.port}"

    async def opened(self) -> None:
        """Wait until they are served: who clicks the address at once shall see something."""
        while True:
            with suppress(ConnectionError):
                _, writer = await asyncio.open_connection(LOOPBACK, self.port)
                writer.close()
                return await writer.wait_closed()
            await asyncio.sleep(_KNOCK)


async def prepared(data_dir: Path) -> Pages:
    """Set a password in a service's data folder and find a port."""
    password = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
    async with Lane("demo password") as lane:
        await Passwords(Notebook(data_dir / FILE), lane).set(password)
    with socket.create_server((LOOPBACK, 0)) as listener:
        return Pages(listener.getsockname()[1], password)
