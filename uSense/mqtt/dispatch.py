"""From a request to its reply: bounded waiting, one after the other, every request answered.

There are several lines, each in the order in which requests came, and none waits for another.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, Protocol, TypeVar

import structlog

from uSense.commands.base import Call, Command, Line, Transaction, bind, find, find_transaction, read, refusal, reply
from uSense.core.errors import RequestError, UsenseError
from uSense.core.events import Event, Notice
from uSense.core.signing import REFUSALS, Stamp
from uSense.core.topics import Topics
from uSense.core.transactions import Transactions
from uSense.entities import Message
from uSense.entities.payload import encode
from uSense.mqtt.authority import Authority, CommandSettings
from uSense.mqtt.link import Request

log = structlog.get_logger()

C = TypeVar("C")
P = ParamSpec("P")
T = TypeVar("T")

WAITING = 16
"""Requests that may wait in a line; one more is answered `busy`."""
_SMALL = 65_536
"""Bytes that are parsed on the event loop; more would be felt there."""


class Sender(Protocol):
    """Where replies and reports go."""

    def post(self, event: Event) -> None:
        """Tell an event."""

    def answer(self, message: Message) -> None:
        """Send a reply."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request for the command `path`."""

    path: str
    request: Request


@dataclass(frozen=True, slots=True)
class _Told:
    """A reply, and what the request that it answers came with: the nonce of its signature, and where to answer."""

    reply: bytes
    nonce: str | None
    response_topic: str | None

    def answers(self, request: Request, signed: Stamp | None) -> bool:
        """Whether it may be sent to whoever made the request: with a signature, only a new one opens another topic."""
        return signed is None or (self.nonce, self.response_topic) == (signed.nonce, request.response_topic)


class _Queue:
    """The requests of a line, which wait for those before them."""

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._current: _Waiting | None = None

    def join(self, waiting: _Waiting) -> None:
        self.waiting.append(waiting)
        self._arrived.set()

    async def next(self) -> _Waiting:
        """The request whose turn it is."""
        self._current = None
        while not self.waiting:
            self._arrived.clear()
            await self._arrived.wait()
        self._current = self.waiting.popleft()
        return self._current

    def pending(self) -> list[float]:
        """When the requests arrived that wait, and the one whose turn it is."""
        return [one.request.at for one in (self._current, *self.waiting) if one is not None]


class Dispatcher:
    """Takes requests at once, carries them out in order, and answers each of them."""

    def __init__(
        self, topics: Topics, max_payload: int, sender: Sender, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.refused = 0
        """Requests that were answered without being listened to: busy, too large, stopping, signed wrongly."""
        self.authority = Authority(CommandSettings())
        self._topics = topics
        self._max_payload = max_payload
        self._sender = sender
        self._clock = clock
        self._queues = {line: _Queue() for line in Line}
        self._lines: Mapping[str, Line] = {}
        self._stopped = False
        self._transactions: Transactions[_Told] = Transactions()

    def offer(self, request: Request) -> None:
        """Take a request, or answer at once why not; never waits."""
        path = self._topics.command(request.topic)
        if path is None:
            return
        queue = self._queues[self._lines.get(path, Line.ORDER)]
        if request.retain:
            self._ignore(path, request)
        elif len(request.payload) > self._max_payload:
            self._refuse(path, request, "too_large", f"the payload has more than {self._max_payload} bytes")
        elif self._stopped:
            self._refuse(path, request, "stopping", "the service is stopping")
        elif len(queue.waiting) >= WAITING or self._bytes() + len(request.payload) > 2 * self._max_payload:
            self._refuse(path, request, "busy", "too many requests are waiting; try again later")
        else:
            self._admit(queue, path, request)

    async def serve(self, commands: Sequence[Command[C, Any]], context: C) -> None:
        """Carry out requests until canceled; those that are then left are answered `stopping`."""
        self._lines = {command.name: command.line for command in commands}
        try:
            async with asyncio.TaskGroup() as group:
                for line, queue in self._queues.items():
                    group.create_task(self._work(queue, commands, context), name=f"commands {line}")
        finally:
            self._stopped = True
            for left in self._waiting():
                self._refuse(left.path, left.request, "stopping", "the service is stopping")

    async def _work(self, queue: _Queue, commands: Sequence[Command[C, Any]], context: C) -> None:
        while True:
            await self._carry_out(await queue.next(), commands, context)

    def _waiting(self) -> list[_Waiting]:
        return [one for queue in self._queues.values() for one in queue.waiting]

    def _bytes(self) -> int:
        """All that waits."""
        return sum(len(one.request.payload) for one in self._waiting())

    def _admit(self, queue: _Queue, path: str, request: Request) -> None:
        """Let a request wait, unless it is seen at once that it has no right to."""
        try:
            if len(request.payload) <= _SMALL:
                self.authority.glance(path, request)
        except RequestError as error:
            self._refuse(path, request, error.code, str(error))
        else:
            queue.join(_Waiting(path, request))

    async def _carry_out(self, waited: _Waiting, commands: Sequence[Command[C, Any]], context: C) -> None:
        path, request = waited.path, waited.request
        started = self._clock()
        transaction: Transaction | None = None
        status = "ok"
        try:
            request = await _parsed(request, self.authority.unwrapped, request)
            transaction = find_transaction(request.payload)
            command, _ = find(commands, path)
            signed = await _parsed(request, self.authority.check, command.name, request)
            body = await _parsed(request, read, request.payload)
            transaction = body.transaction
            # Apart: else whoever need not sign could answer in advance for a request that is signed.
            key = (path, transaction, signed is not None)
            known = None if transaction is None else self._transactions.first(key, started)
            if known is None or not known.answers(request, signed):
                oldest = min(request.at, *(at for queue in self._queues.values() for at in queue.pending()))
                self.authority.admit(request, signed, oldest)
                await self.authority.note()
            if known is None:
                call = await _parsed(request, bind, commands, path, body)
                made, status = await self._run(call, context, transaction)
                known = _Told(made, signed.nonce if signed else None, request.response_topic)
                if transaction is not None:
                    self._transactions.remember(key, known, self._clock())
            self._answer(path, request, known.reply)
        except RequestError as error:
            status = error.code
            self.refused += status in REFUSALS
            self._answer(path, request, encode(refusal(error, transaction)))
        except asyncio.CancelledError:
            self._refuse(path, request, "stopping", "the service is stopping")
            raise
        log.info("command", command=path[:100], status=status, seconds=round(self._clock() - started, 3))

    async def _run(self, call: Call[C, Any], context: C, transaction: Transaction | None) -> tuple[bytes, str]:
        """The reply of a command that ran, and `ok` or the code of its error."""
        try:
            data = await call.command.run(context, call.arguments)
        except RequestError as error:
            return encode(refusal(error, transaction)), error.code
        except UsenseError as error:
            unavailable = RequestError(str(error), code="unavailable")
            return encode(refusal(unavailable, transaction)), unavailable.code
        return encode(reply(data, transaction)), "ok"

    def _ignore(self, path: str, request: Request) -> None:
        """Retained requests would be carried out again at each connection; an empty one only removes such a request."""
        if request.payload:
            log.warning("retained command ignored", command=path[:100])
            reason = "a retained request is never carried out; send it without retain"
            self._sender.post(Notice("command.ignored", {"command": path[:100], "reason": reason}))

    def _refuse(self, path: str, request: Request, code: str, message: str) -> None:
        self.refused += 1
        log.warning("command refused", command=path[:100], code=code)
        error = RequestError(message, code=code)
        payload = self.authority.inside(request).payload if len(request.payload) <= _SMALL else request.payload
        self._answer(path, request, encode(refusal(error, find_transaction(payload))))

    def _answer(self, path: str, request: Request, payload: bytes) -> None:
        topic = self._topics.response(path)
        if request.response_topic is not None and self._topics.is_response(request.response_topic):
            topic = request.response_topic
        self._sender.answer(Message(topic, payload, correlation=request.correlation))


def too_large(message: Message) -> Message:
    """What is said in place of a reply that is larger than the broker takes."""
    error = RequestError(
        f"the request was carried out, but its reply of {len(message.payload)} bytes is more than the broker takes: "
        "ask for less, read the retained topics people and info, or raise its limit (mosquitto: max_packet_size)",
        code="too_large",
    )
    return replace(message, payload=encode(refusal(error, find_transaction(message.payload))))


async def _parsed(request: Request, parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `parse`, which runs in a thread if the request is large."""
    if len(request.payload) <= _SMALL:
        return parse(*args, **kwargs)
    return await asyncio.to_thread(parse, *args, **kwargs)
