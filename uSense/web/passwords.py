"""The password of the pages: kept as Argon2 makes it, never as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from uSense.aio import Lane
from uSense.core.errors import RequestError
from uSense.ports import Notebook

if TYPE_CHECKING:
    from argon2 import PasswordHasher

FILE = "password.json"
"""Where it is kept, in the data folder."""
SHORTEST, LONGEST = 8, 1024


class Passwords:
    """Sets and checks the password; one at a time, for each check needs 19 MB for a moment."""

    def __init__(self, notebook: Notebook, lane: Lane) -> None:
        self._notebook = notebook
        self._lane = lane

    async def set(self, password: str) -> None:
        """Keep a new password; whoever was logged in is not any more. Raises RequestError and StorageError."""
        check(password)
        await self._notebook.save({"argon2": await self._lane.run(_hashed, password)})

    async def mark(self) -> str:
        """A word that changes with the password; empty if none is set. Raises StorageError."""
        found = _kept(await self._notebook.load())
        return found and hashlib.sha256(found.encode()).hexdigest()[:16]

    async def fits(self, password: str) -> bool:
        """Whether it is the one that was set. Raises StorageError."""
        found = _kept(await self._notebook.load())
        return bool(found) and len(password) <= LONGEST and await self._lane.run(_fits, found, password)


def check(password: str) -> None:
    """Raise RequestError for a password that is too short to protect anything."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise RequestError(f"a password has {SHORTEST} to {LONGEST} characters", code="bad_password")


def _kept(values: Mapping[str, Any]) -> str:
    found = values.get("argon2", "")
    return found if isinstance(found, str) else ""


def _hasher() -> PasswordHasher:
    """With the least costs that OWASP recommends for Argon2id, which suit a Pi."""
    from argon2 import PasswordHasher  # noqa: PLC0415 - loads a library: paid for by those who log in

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def _hashed(password: str) -> str:
    return _hasher().hash(password)


def _fits(kept: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - as above

    try:
        return _hasher().verify(kept, password)
    except (InvalidHashError, VerificationError):
        return False
