"""The pages of the demo's service: on a free port of this machine, with a password of this demo alone."""

from __future__ import annotations

import secrets
import socket
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


async def prepared(data_dir: Path) -> Pages:
    """Set a password in a service's data folder and find a port."""
    password = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
    async with Lane("demo password") as lane:
        await Passwords(Notebook(data_dir / FILE), lane).set(password)
    with socket.create_server((LOOPBACK, 0)) as listener:
        return Pages(listener.getsockname()[1], password)
