"""Tokens for programs and kiosks: shown once when they are made, of which only the hash is kept."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from uSense.core.access import Scope
from uSense.core.errors import NotFoundError, RequestError
from uSense.ports import Notebook

FILE = "tokens.json"
"""Where they are kept, in the data folder."""
MOST = 50
PREFIX = "usense_"
"""How each begins, so that it is known for what it is where it does not belong."""
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; `made_at` is wall time."""

    token_id: str
    name: str
    scope: Scope
    made_at: float


class Tokens:
    """Makes, finds and takes back tokens; reads the file at each call, for `usense token` writes it, too."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._changing = asyncio.Lock()

    async def all(self) -> list[Token]:
        """All of them, oldest first. Raises StorageError."""
        return [token for token, _ in _tokens(await self._notebook.load())]

    async def make(self, name: str, scope: Scope) -> tuple[Token, str]:
        """A new one, and its word, which nobody can be told again. Raises RequestError and StorageError."""
        if not name.strip() or len(name) > _LONGEST_NAME:
            raise RequestError(f"the name of a token has 1 to {_LONGEST_NAME} characters", code="bad_name")
        async with self._changing:
            there = _tokens(await self._notebook.load())
            if len(there) >= MOST:
                raise RequestError(f"there are {MOST} tokens: take back one that is not used", code="too_many")
            word = PREFIX + secrets.token_urlsafe(32)
            token = Token(secrets.token_hex(4), name.strip(), scope, round(time.time(), 3))
            await self._save([*there, (token, _hash(word))])
        return token, word

    async def take_back(self, token_id: str) -> Token:
        """It counts no more. Raises NotFoundError and StorageError."""
        async with self._changing:
            there = _tokens(await self._notebook.load())
            gone = [token for token, _ in there if token.token_id == token_id]
            if not gone:
                raise NotFoundError("token", token_id, [token.token_id for token, _ in there])
            await self._save([(token, kept) for token, kept in there if token.token_id != token_id])
        return gone[0]

    async def find(self, word: str) -> Token | None:
        """The token of a word. Raises StorageError."""
        if not word.startswith(PREFIX):
            return None
        wanted = _hash(word)
        found = (token for token, kept in _tokens(await self._notebook.load()) if secrets.compare_digest(kept, wanted))
        return next(found, None)

    async def named(self, token_id: str) -> Token | None:
        """The token of an id. Raises StorageError."""
        return next((token for token in await self.all() if token.token_id == token_id), None)

    async def _save(self, tokens: list[tuple[Token, str]]) -> None:
        await self._notebook.save({"tokens": [{**asdict(token), "hash": kept} for token, kept in tokens]})


def _hash(word: str) -> str:
    return hashlib.sha256(word.encode(errors="backslashreplace")).hexdigest()


def _tokens(values: Mapping[str, Any]) -> list[tuple[Token, str]]:
    found = []
    for value in values.get("tokens", ()):
        try:
            scope, made_at = Scope(value["scope"]), float(value["made_at"])
            found.append((Token(str(value["token_id"]), str(value["name"]), scope, made_at), str(value["hash"])))
        except (KeyError, TypeError, ValueError):
            continue
    return found
