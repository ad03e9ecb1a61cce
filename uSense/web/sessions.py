"""Who is logged in: a random word in a cookie, of which only the hash is kept."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from uSense.core.access import Scope
from uSense.core.errors import StorageError
from uSense.ports import Notebook

log = structlog.get_logger()

FILE = "sessions.json"
"""Where they are kept, in the data folder: who is logged in stays so over a restart."""
MOST = 64
"""Log-ins of a scope at once; the one that was not used longest ends."""
NOTED = 86_400.0
"""Seconds after which a further visit is written down: each would wear the card."""


@dataclass(slots=True)
class Session:
    """A log-in. `mark` is of the password that was given, or the name of a kiosk's token; times are wall clock."""

    scope: Scope
    mark: str
    begun: float
    seen: float


class Sessions:
    """Begins, finds and ends log-ins."""

    def __init__(self, notebook: Notebook, lasting: float) -> None:
        self._notebook = notebook
        self._lasting = lasting
        self._open: dict[str, Session] = {}
        self._saving = asyncio.Lock()

    async def load(self) -> None:
        """Read those of an earlier run; what cannot be read has to log in again."""
        try:
            kept = await self._notebook.load()
        except StorageError as error:
            log.warning("log-ins forgotten", problem=str(error))
            return
        self._open = {key: session for key, value in kept.items() if (session := _session(value)) is not None}

    async def begin(self, scope: Scope, mark: str) -> str:
        """A new log-in; the word for its cookie."""
        word, now = secrets.token_urlsafe(32), time.time()
        self._open[_key(word)] = Session(scope, mark, now, now)
        # Of the same scope: nobody with a kiosk's token can end the log-ins of those who may more.
        alike = [key for key, session in self._open.items() if session.scope is scope]
        if len(alike) > MOST:
            del self._open[min(alike, key=lambda key: self._open[key].seen)]
        await self._save()
        return word

    async def find(self, word: str, marks: Collection[str]) -> Session | None:
        """The log-in of a cookie's word, if it still counts: begun with one of these marks."""
        key = _key(word)
        session, now = self._open.get(key), time.time()
        if session is None:
            return None
        if session.mark not in marks or not session.begun - NOTED <= now < session.seen + self._lasting:
            del self._open[key]
            await self._save()
            return None
        if now - session.seen >= NOTED:
            session.seen = now
            await self._save()
        return session

    async def end(self, word: str) -> None:
        """Log out."""
        if self._open.pop(_key(word), None) is not None:
            await self._save()

    async def _save(self) -> None:
        """Write them down; where that fails, they end with the service."""
        async with self._saving:
            values = {
                key: {"scope": one.scope.value, "mark": one.mark, "begun": one.begun, "seen": one.seen}
                for key, one in self._open.items()
            }
            try:
                await self._notebook.save(values)
            except StorageError as error:
                log.warning("log-ins not kept", problem=str(error))


def csrf(word: str) -> str:
    """What a form of this log-in has to bring along; who only guesses the cookie's name cannot know it."""
    return hmac.new(word.encode(), b"uSense form", hashlib.sha256).hexdigest()


def _key(word: str) -> str:
    return hashlib.sha256(word.encode(errors="backslashreplace")).hexdigest()


def _session(value: Mapping[str, Any]) -> Session | None:
    try:
        return Session(Scope(value["scope"]), str(value["mark"]), float(value["begun"]), float(value["seen"]))
    except (KeyError, TypeError, ValueError):
        return None
