"""Who may come in: the password, the log-ins and the tokens, as the settings show them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from uSense.core.access import Scope
from uSense.web import sessions
from uSense.web.tokens import Token
from uSense.web.visit import Visit


@dataclass(frozen=True, slots=True)
class LogIn:
    """Somebody who is logged in."""

    key: str
    name: str
    """The browser, or the kiosk's token; may be empty."""
    kiosk: bool
    begun: str
    seen: str
    mine: bool


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything that lets somebody in."""

    log_ins: Sequence[LogIn]
    tokens: Sequence[tuple[Token, str]]
    """With the day on which each was made."""
    scopes: Sequence[Scope]
    """What a token may be for."""


async def keys(visit: Visit) -> Keys:
    """All of it. Raises StorageError."""
    access, mine = visit.house.access, sessions.key(visit.caller.word)
    tokens = await access.tokens.all()
    names = {token.token_id: token.name for token in tokens}
    log_ins = [
        LogIn(
            key=key,
            name=names.get(one.mark, one.browser),
            kiosk=one.mark in names,
            begun=time.strftime("%d %b %Y, %H:%M", time.localtime(one.begun)),
            seen=_day(one.seen),
            mine=key == mine,
        )
        for key, one in (await access.log_ins()).items()
    ]
    return Keys(log_ins, [(token, _day(token.made_at)) for token in tokens], tuple(Scope))


def _day(at: float) -> str:
    return time.strftime("%d %b %Y", time.localtime(at))
