"""Who may command: signatures of requests, where the settings want them."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import structlog
from pydantic import Field, SecretStr, field_validator, model_validator

from uSense.commands import COMMANDS
from uSense.commands.base import find
from uSense.core import signing
from uSense.core.errors import RequestError, StorageError
from uSense.core.signing import Admission, Stamp
from uSense.entities import Message
from uSense.mqtt.link import Request
from uSense.ports import Notebook
from uSense.schema import Branch

log = structlog.get_logger()

SHORTEST = 16
"""Characters of a secret at least."""


class CommandSettings(Branch):
    """Who may command, beside the broker's own rules."""

    require_signature: bool = False
    """Carry out only requests that are signed with the secret."""
    secret: SecretStr | None = None
    """The secret that requests are signed with, 16 characters or more; `openssl rand -hex 32` makes one."""
    secret_file: Path | None = None
    """File that holds the secret, in place of `secret`."""
    unsigned: tuple[str, ...] = Field(default=(), max_length=100)
    """Commands that need no signature, such as those of Home Assistant: [train, camera/pause, settings/set]."""

    @field_validator("unsigned")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            try:
                command, rest = find(COMMANDS, name)
            except RequestError as error:
                raise ValueError(str(error)) from None
            if rest:
                raise ValueError(f"{name!r} is no command: {command.name!r} is")
        return names

    @model_validator(mode="after")
    def _secret_if_needed(self) -> Self:
        blank = self.secret is None or not self.secret.get_secret_value().strip()
        if self.require_signature and blank and self.secret_file is None:
            raise ValueError("'require_signature' needs a secret: give 'secret_file', or set USENSE_COMMANDS__SECRET")
        return self

    @property
    def key(self) -> bytes:
        """The secret as bytes, empty without one."""
        return self.secret.get_secret_value().encode() if self.secret else b""


class Authority:
    """Checks signed requests, and refuses unsigned ones where that is wanted."""

    def __init__(
        self,
        settings: CommandSettings,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        *,
        notebook: Notebook | None = None,
    ) -> None:
        self.admission = Admission()
        self._notebook = notebook
        self._noting = asyncio.Lock()
        self._noted = 0.0
        self._failed = False
        self._key = settings.key
        self._required = settings.require_signature
        self._open = frozenset(settings.unsigned)
        self._wall = wall
        self._clock = clock
        self._started = clock()

    async def load(self) -> None:
        """Learn when the last run let somebody in: a machine without a battery may start with an old time."""
        if self._notebook is None or not self._key:
            return
        try:
            newest = (await self._notebook.load()).get("newest", 0.0)
        except StorageError as error:
            log.warning("signed requests", problem=str(error))
            return
        if isinstance(newest, float) and newest > 0.0:
            self.admission.newest = self.admission.forgotten = self._noted = newest

    async def note(self) -> None:
        """Keep the time of the newest request that was let in, before it is carried out; what fails is said once."""
        async with self._noting:
            newest = self.admission.newest
            if self._notebook is None or newest <= self._noted:
                return
            try:
                await self._notebook.save({"newest": newest})
            except StorageError as error:
                (log.debug if self._failed else log.warning)("signed requests", problem=str(error))
                self._failed = True
            else:
                self._noted, self._failed = newest, False

    def unwrapped(self, request: Request) -> Request:
        """The request that a signed JSON envelope holds, with its stamp as user properties; others as they are.

        Raises RequestError `bad_payload` for an envelope that is not whole.
        """
        bare = self._key and "sig" not in dict(request.user)
        envelope = _envelope(request.payload) if bare else None
        if envelope is None:
            return request
        payload, *stamp = (envelope.get(name) for name in ("payload", *signing.PARTS))
        if len(envelope) != len(signing.PARTS) + 1 or not all(isinstance(part, str) for part in (payload, *stamp)):
            message = "a signed envelope has exactly ts, nonce, sig and payload, and all of them are texts"
            raise RequestError(message, code="bad_payload")
        user = tuple(zip(signing.PARTS, map(str, stamp), strict=True))
        return replace(request, payload=str(payload).encode("utf-8", "replace"), user=user)

    def inside(self, request: Request) -> Request:
        """The same, but a request in an envelope that is not whole stays as it is."""
        with suppress(RequestError):
            return self.unwrapped(request)
        return request

    def check(self, command: str, request: Request) -> Stamp | None:
        """The stamp of a request that may be listened to, None if it needs none.

        Raises RequestError: `not_signed`, `bad_time`, `bad_nonce` or `bad_signature`.
        """
        given = signing.stamp(request.user) if self._key else None
        if given is not None:
            signing.check(self._key, request.topic, given, request.payload)
        elif self._required and command not in self._open:
            message = f"{command} must be signed by ts, nonce and sig: see docs/mqtt.md, 'Signed requests'"
            raise RequestError(message, code="not_signed")
        return given

    def glance(self, path: str, request: Request) -> None:
        """Refuse at once a request that has no right to keep others waiting; raises as `check` does."""
        is_open = any(path == name or path.startswith(f"{name}/") for name in self._open)
        if self._required and not is_open:
            self.check(path, self.unwrapped(request))

    def admit(self, request: Request, given: Stamp | None, oldest: float) -> None:
        """Let a checked request in, once; raises RequestError. `oldest` is when the first arrived that still waits."""
        if given is not None:
            started = self._wall() - (self._clock() - self._started)
            self.admission.admit(given, request.at, started, oldest)


def signed(message: Message, key: bytes, *, v5: bool) -> Message:
    """The request with a signature made now: in user properties of MQTT 5, else in an envelope."""
    ts, nonce = f"{time.time():.3f}", secrets.token_hex(16)
    sig = signing.sign(key, message.topic, ts, nonce, message.payload)
    stamp = dict(zip(signing.PARTS, (ts, nonce, sig), strict=True))
    if v5:
        return replace(message, user=tuple(stamp.items()))
    return replace(message, payload=json.dumps({**stamp, "payload": message.payload.decode()}).encode())


def _envelope(payload: bytes) -> Mapping[str, Any] | None:
    """The fields of a signed JSON envelope, None for all other payloads."""
    if payload.lstrip()[:1] != b"{" or b'"sig"' not in payload:
        return None
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) and "sig" in fields else None
