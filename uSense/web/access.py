"""Who may come in: the password, log-ins and tokens together."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from uSense.aio import Lane
from uSense.core.access import LoginGate, Scope
from uSense.core.errors import RequestError
from uSense.ports import Notebook
from uSense.web import passwords, sessions, tokens
from uSense.web.passwords import Passwords, check
from uSense.web.sessions import Session, Sessions
from uSense.web.settings import WebSettings
from uSense.web.tokens import Tokens

log = structlog.get_logger()

_DAY = 86_400.0


@dataclass(slots=True)
class Access:
    """Log-ins by password and by a kiosk's token."""

    passwords: Passwords
    sessions: Sessions
    tokens: Tokens
    gate: LoginGate = field(default_factory=LoginGate)
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def log_in(self, password: str, address: str, browser: str = "") -> str:
        """The word for a cookie. Raises RequestError `wrong_password` or `too_many_attempts`."""
        mark = await self._require(password, address)
        log.info("logged in", address=address)
        return await self.sessions.begin(Scope.ADMIN, mark, browser)

    async def change_password(self, old: str, new: str, address: str, browser: str = "") -> str:
        """Set another password, which logs everybody out; the word for the cookie of who did. Raises RequestError."""
        check(new)
        await self._require(old, address)
        await self.passwords.set(new)
        log.info("password changed", address=address)
        return await self.sessions.begin(Scope.ADMIN, await self.passwords.mark(), browser)

    async def _require(self, password: str, address: str) -> str:
        """The mark of the password, if it is this one."""
        now = time.monotonic()
        wait = self.gate.wait(address, now)
        if wait > 0:
            message = f"too many wrong passwords: wait {math.ceil(wait)} s"
            raise RequestError(message, code="too_many_attempts")
        self.gate.attempt(address, now)
        async with self._checking:
            mark = await self.passwords.mark()
            fits = await self.passwords.fits(password)
        if not fits:
            log.warning("wrong password", address=address)
            raise RequestError("this is not the password", code="wrong_password")
        self.gate.passed(address)
        return mark

    async def log_ins(self) -> dict[str, Session]:
        """Everybody who is logged in, by keys for `sessions.close`."""
        kiosks = {token.token_id for token in await self.tokens.all()}
        return self.sessions.all(kiosks | {await self.passwords.mark()} - {""})

    async def session(self, word: str) -> Session | None:
        """The log-in of a cookie."""
        mark = await self.passwords.mark()
        return await self.sessions.find(word, {mark} - {""})

    async def admit_kiosk(self, token: str) -> str:
        """The word for a kiosk's cookie. Raises RequestError `wrong_token`."""
        found = await self.tokens.find(token)
        if found is None:
            raise RequestError("this token is not known, or was taken back: make a new one", code="wrong_token")
        return await self.sessions.begin(Scope.KIOSK, found.token_id)

    async def kiosk(self, word: str) -> Session | None:
        """The log-in of a kiosk's cookie, as long as its token counts."""
        ids = {token.token_id for token in await self.tokens.all()}
        return await self.sessions.find(word, ids)


def open_access(settings: WebSettings, data_dir: Path, notebook: Callable[[Path], Notebook], lane: Lane) -> Access:
    """Who may come in, as the data folder says."""
    return Access(
        Passwords(notebook(data_dir / passwords.FILE), lane),
        Sessions(notebook(data_dir / sessions.FILE), settings.remember_days * _DAY),
        Tokens(notebook(data_dir / tokens.FILE)),
    )
