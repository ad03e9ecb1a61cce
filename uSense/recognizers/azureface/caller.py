"""One call to Azure Face: its turn, its tries, and in plain words what went wrong."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlsplit

import structlog

from uSense.core.breaker import Breaker, BreakerRules, Circuit
from uSense.core.pacing import backoff
from uSense.recognizers.azureface import faults
from uSense.recognizers.azureface.account import Account
from uSense.recognizers.azureface.errors import (
    AzureFaceError,
    NotApprovedError,
    QuotaGoneError,
    RateLimitedError,
    RestingError,
    TrainingError,
    UnreachableError,
    WrongKeyError,
)
from uSense.recognizers.azureface.limiter import Limiter, Turn
from uSense.recognizers.azureface.wire import Reply, fault, is_empty, pause, replenished

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

log = structlog.get_logger()

T = TypeVar("T")

TRIES = 4
"""Times that a call without a usable answer is made."""
PATIENT_TRIES = 7
"""Times that a call is made which Azure refuses for the moment: too many calls, another change, a training."""
RULES = BreakerRules(failures=TRIES + 1)
"""One call alone does not open the breaker."""
FIRST, LONGEST = 0.5, 8.0
"""Shortest and longest pause between two tries, in seconds."""
MOST_BYTES = 32_000_000
"""Bytes of an answer that are read."""
_FINE = {200, 202}
_FORBIDDEN = 403


def spread_pauses() -> Iterator[float]:
    """Growing, and never the same twice."""
    return backoff(FIRST, LONGEST, random.random)


def nothing(value: Any) -> None:
    """What an answer without a body says."""


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A call: what it does, in a word or two; method, path and query; its body; how its answer is read.

    The body is JSON or bytes, or a function that gives it when the call is sent.
    `repeatable`: made twice, it does no more than once. `settled`: an error that after a lost answer means it was done.
    """

    operation: str
    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    urgent: bool = True
    repeatable: bool = True
    settled: type[AzureFaceError] | None = None

    def address(self, base: str) -> str:
        """The whole address, encoded."""
        query = "&".join(f"{quote(name)}={quote(value, safe=',')}" for name, value in self.query.items())
        return f"{base}{self.path}" + (f"?{query}" if query else "")


class Caller:
    """Makes calls through a limiter and a breaker. One session of one resource."""

    def __init__(
        self,
        account: Account,
        limiter: Limiter,
        session: ClientSession,
        *,
        clock: Callable[[], float] = time.monotonic,
        pauses: Callable[[], Iterator[float]] = spread_pauses,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.account = account
        self.limiter = limiter
        self.breaker = Breaker(RULES)
        self.region = ""
        self.request_id = ""
        """Of the last answer."""
        self._base = account.base
        self._session = session
        self.clock = clock
        self.pauses = pauses
        """Between tries."""
        self._jitter = jitter
        self._told = ""
        self._why = ""
        """Why Azure was not reached."""

    async def call(self, ask: Ask[T]) -> T:
        """What a call that succeeded answers; raises AzureFaceError, and says it once in the log."""
        try:
            return await self.attempt(ask)
        except AzureFaceError as error:
            self.tell(ask.operation, error)
            raise

    async def attempt(self, ask: Ask[T]) -> T:
        """The same without the log. What is not repeatable is not tried again after a lost answer."""
        pauses = self.pauses()
        lost = False
        for number in count(1):
            try:
                value = await self._once(ask)
            except UnreachableError as error:
                if isinstance(error, RestingError) or number >= TRIES or (error.done and not ask.repeatable):
                    raise
                lost = lost or error.done
            except AzureFaceError as error:
                if lost and ask.settled is not None and isinstance(error, ask.settled):
                    return ask.read(None)
                if number >= PATIENT_TRIES or not _passes(ask, error):
                    raise
                if isinstance(error, RateLimitedError):
                    continue  # the limiter makes the pause
            else:
                self._told = ""
                return value
            await asyncio.sleep(next(pauses))
        raise AssertionError("counting never ends")

    def tell(self, operation: str, error: AzureFaceError) -> None:
        """One line a final failure; the same kind again is for those who debug."""
        level = log.debug if error.code == self._told else log.warning
        self._told = error.code
        level(
            "azure call failed",
            operation=operation,
            code=error.code,
            status=error.status,
            request_id=error.request_id,
            reason=str(error),
        )

    async def _once(self, ask: Ask[T]) -> T:
        """One try in its turn; raises AzureFaceError."""
        if self.breaker.state(self.clock()) is Circuit.OPEN:
            raise self._resting()
        async with self.limiter.turn(self.account.timeout, urgent=ask.urgent) as turn:
            if not self.breaker.enter(self.clock()):
                turn.dropped()
                raise self._resting()
            try:
                value = await self._judged(ask, await self._exchange(ask, turn))
            except (UnreachableError, WrongKeyError, NotApprovedError) as error:
                # Who is not let in will not be by the next call either, and each one counts.
                self._why = str(error)
                self.breaker.failed(self.clock(), self._jitter())
                raise
            except AzureFaceError:
                self.breaker.succeeded()  # it answered
                raise
            except BaseException:
                self.breaker.left()
                raise
        self.breaker.succeeded()
        return value

    def _resting(self) -> RestingError:
        seconds = max(1, round(self.breaker.retry_at - self.clock()))
        return RestingError(f"{self._why}; it is asked again in {seconds} s", done=False)

    async def _exchange(self, ask: Ask[Any], turn: Turn) -> Reply:
        """Send and receive; raises UnreachableError."""
        import aiohttp  # noqa: PLC0415 - heavy: paid for by those who use Azure
        from yarl import URL  # noqa: PLC0415 - the same

        address = URL(ask.address(self._base), encoded=True)
        try:
            async with self._session.request(
                ask.method, address, data=_data(ask), headers=self._headers(ask), allow_redirects=False
            ) as answer:
                return await self._received(answer, turn)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UnreachableError(self._unreachable(error), done=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(self._unreachable(error), done=True) from error

    async def _received(self, answer: ClientResponse, turn: Turn) -> Reply:
        reply = Reply(answer.status, answer.headers, b"")
        if answer.status != faults.BUSY:
            turn.answered(reply.service)
        self.request_id = reply.request_id or self.request_id
        self.region = answer.headers.get("x-ms-region", self.region)
        if reply.sent_at is not None:
            self.limiter.heard(reply.sent_at)
        reply = Reply(answer.status, answer.headers, await _body(answer))
        if answer.status == faults.BUSY:
            turn.refused(pause(reply, fault(reply).message))
        return reply

    async def _judged(self, ask: Ask[T], reply: Reply) -> T:
        """What a good answer says; raises AzureFaceError if it is none."""
        if reply.status in _FINE:
            try:
                return ask.read(reply.value)
            except ValueError as error:
                words = f"Azure answered {ask.operation} with something else than its own ({error}): see the endpoint"
                raise UnreachableError(words, done=True, status=reply.status, request_id=reply.request_id) from error
        message = fault(reply).message
        if reply.status == _FORBIDDEN and is_empty(message):
            until = await self.limiter.emptied(replenished(message))
            words = f"Azure says that this resource has no calls left: {message}"
            raise QuotaGoneError(words, until, status=reply.status, request_id=reply.request_id)
        raise faults.error(ask.operation, reply, self.account.key)

    def _headers(self, ask: Ask[Any]) -> dict[str, str]:
        headers = {"Ocp-Apim-Subscription-Key": self.account.key.strip(), "client-request-id": str(uuid.uuid4())}
        if ask.body is not None:
            photo = isinstance(ask.body, bytes)
            headers["Content-Type"] = "application/octet-stream" if photo else "application/json"
        return headers

    def _unreachable(self, error: Exception) -> str:
        from aiohttp import ClientConnectorDNSError  # noqa: PLC0415 - heavy, and loaded already

        host = urlsplit(self._base).netloc
        if isinstance(error, TimeoutError):
            return f"Azure at {host} did not answer within {self.account.timeout:g} s"
        if isinstance(error, ClientConnectorDNSError):
            return f"Azure at {host} is not reachable: no machine of this name is known (DNS)"
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number else str(error) or type(error).__name__
        return f"Azure at {host} is not reachable: {why}"


def _passes(ask: Ask[Any], error: AzureFaceError) -> bool:
    """Whether the same call may succeed in a moment. Waiting people do not wait for a training."""
    if isinstance(error, TrainingError):
        return not ask.urgent
    return isinstance(error, faults.ConflictingError) or (
        isinstance(error, RateLimitedError) and error.status is not None
    )


def _data(ask: Ask[Any]) -> bytes | None:
    body = ask.body() if callable(ask.body) else ask.body
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body, separators=(",", ":")).encode()


async def _body(answer: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            raise OSError("an answer without an end")
    return bytes(body)
