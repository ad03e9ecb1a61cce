"""Who is logged in: a random word in a cookie, of which only the hash is kept."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection, Mapping
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
"""Log-ins of a scope at once; of more, one that counts no more ends, or else the one that was not used longest."""
NOTED = 86_400.0
"""Seconds after which a further visit is written down: each would wear the card."""


@dataclass(slots=True)
class Session:
    """A log-in. `mark` is of the password that was given, or the name of a kiosk's token; times are wall clock."""

    scope: Scope
    mark: str
    begun: float
    seen: float
    browser: str = ""
    """What was logged in with, as far as it says so."""


class Sessions:
    """Begins, finds and ends log-ins."""

    def __init__(self, notebook: Notebook, lasting: float, clock: Callable[[], float] = time.time) -> None:
        self._notebook = notebook
        self._lasting = lasting
        self._clock = clock
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

    async def begin(self, scope: Scope, mark: str, browser: str = "") -> str:
        """A new log-in; the word for its cookie."""
        word, now = secrets.token_urlsafe(32), self._clock()
        # Of the same scope: nobody with a kiosk's token can end the log-ins of those who may more.
        alike = {name: session for name, session in self._open.items() if session.scope is scope}
        if len(alike) >= MOST:
            del self._open[min(alike, key=lambda name: (self._lasts(alike[name], now), alike[name].seen))]
        self._open[key(word)] = Session(scope, mark, now, now, browser)
        await self._save()
        return word

    async def find(self, word: str, marks: Collection[str]) -> Session | None:
        """The log-in of a cookie's word, if it still counts: begun with one of these marks."""
        name = key(word)
        session, now = self._open.get(name), self._clock()
        if session is None:
            return None
        if session.mark not in marks:
            del self._open[name]
            await self._save()
            return None
        # It is not ended: when a clock that was wrong is right again, it counts again.
        if not self._lasts(session, now):
            return None
        if now - session.seen >= NOTED:
            session.seen = now
            await self._save()
        return session

    async def end(self, word: str) -> None:
        """Log out."""
        if self._open.pop(key(word), None) is not None:
            await self._save()

    def all(self, marks: Collection[str]) -> dict[str, Session]:
        """Those that count by their keys, which say nothing of their words; who was seen last is first."""
        now = self._clock()
        counting = ((key, one) for key, one in self._open.items() if one.mark in marks and self._lasts(one, now))
        return dict(sorted(counting, key=lambda pair: -pair[1].seen))

    async def close(self, keys: Collection[str]) -> None:
        """End some of them."""
        there = self._open.keys() & set(keys)
        for key in there:
            del self._open[key]
        if there:
            await self._save()

    def _lasts(self, session: Session, now: float) -> bool:
        """Whether it is not too long ago; a kiosk stays in until its token is taken back."""
        if session.scope is Scope.KIOSK:
            return True
        return session.begun - NOTED <= now < session.seen + self._lasting

    async def _save(self) -> None:
        """Write them down; where that fails, they end with the service."""
        async with self._saving:
            values = {
                key: {
                    "scope": one.scope.value,
                    "mark": one.mark,
                    "begun": one.begun,
                    "seen": one.seen,
                    "browser": one.browser,
                }
                for key, one in self._open.items()
            }
            try:
                await self._notebook.save(values)
            except StorageError as error:
                log.warning("log-ins not kept", problem=str(error))


def csrf(word: str) -> str:
    """What a form of this log-in has to bring along; who only guesses the cookie's name cannot know it."""
    return hmac.new(word.encode(), b"uSense form", hashlib.sha256).hexdigest()


def key(word: str) -> str:
    """What a log-in is kept by."""
    return hashlib.sha256(word.encode(errors="backslashreplace")).hexdigest()


def _session(value: Mapping[str, Any]) -> Session | None:
    try:
        begun, seen, browser = float(value["begun"]), float(value["seen"]), str(value.get("browser", ""))
        return Session(Scope(value["scope"]), str(value["mark"]), begun, seen, browser)
    except (KeyError, TypeError, ValueError):
        return None
