"""A second client at the broker: hears what a running service tells, and asks it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from uSense.core.errors import BrokerError, BrokerRefusedError, NoAnswerError, RequestError
from uSense.entities import Message
from uSense.mqtt.authority import signed
from uSense.mqtt.link import Link, Request, connect, knows_v5
from uSense.mqtt.settings import MqttSettings

BACKLOG = 10_000
"""Messages that may wait to be read; when there are more, the oldest leaves."""
ANSWER_WITHIN = 10.0


class Asker:
    """Open by `asking`. All methods raise BrokerError when the connection breaks."""

    def __init__(self, link: Link, settings: MqttSettings, key: bytes = b"") -> None:
        self.last: dict[str, Request] = {}
        """The latest message of every topic."""
        self._link = link
        self._key = key
        self._topics = settings.topics
        self._news: deque[Request] = deque(maxlen=BACKLOG)
        self._changed = asyncio.Event()
        self._failure: BrokerError | None = None
        self._answerable: set[str] = set()

    @property
    def limit(self) -> float:
        """Bytes of the largest message that the broker takes, as far as it tells."""
        return self._link.limit

    async def read(self) -> None:
        """Take what arrives, until the connection breaks."""
        try:
            async for message in self._link.requests():
                self.last[message.topic] = message
                self._news.append(message)
                self._wake()
        except BrokerError as error:
            self._failure = error.with_traceback(None)
            self._wake()

    async def hear(self, topic: str) -> None:
        """Hear a topic, beginning with what the broker keeps of it; raises BrokerRefusedError."""
        if refusal := await self._link.subscribe(topic):
            raise BrokerRefusedError(refusal)

    async def messages(self) -> AsyncIterator[Request]:
        """Everything heard, in order."""
        while True:
            while not self._news:
                await self._change()
            yield self._news.popleft()

    async def latest(self, topic: str, within: float) -> Request | None:
        """The last message of a topic, or the first one if it comes within so many seconds."""
        try:
            async with asyncio.timeout(within):
                while topic not in self.last:
                    await self._change()
        except TimeoutError:
            return None
        return self.last[topic]

    async def send(self, message: Message) -> None:
        """Publish a message; raises BrokerRefusedError."""
        if refusal := await self._link.publish(message):
            raise BrokerRefusedError(refusal)

    async def ask(self, command: str, arguments: Mapping[str, Any] | None = None, within: float = ANSWER_WITHIN) -> Any:
        """The data of the reply to a command; RequestError if it was refused, NoAnswerError if nobody answered."""
        topic = self._topics.response(command)
        if command not in self._answerable:
            await self.hear(topic)
            self._answerable.add(command)
        transaction = f"asker-{secrets.token_hex(8)}"
        body = json.dumps({**(arguments or {}), "transaction": transaction}).encode()
        message = Message(self._topics.of(f"command/{command}"), body)
        await self.send(signed(message, self._key, v5=self._link.v5) if self._key else message)
        try:
            async with asyncio.timeout(within):
                reply = await self._reply(topic, transaction)
        except TimeoutError:
            raise NoAnswerError(command, within) from None
        if reply.get("status") == "ok":
            return reply.get("data")
        error = reply.get("error")
        told = error if isinstance(error, dict) else {}
        raise RequestError(str(told.get("message", "refused")), code=str(told.get("code", "refused")))

    async def _reply(self, topic: str, transaction: str) -> dict[str, Any]:
        while True:
            for message in [one for one in self._news if one.topic == topic]:
                reply = parsed(message.payload)
                if isinstance(reply, dict) and reply.get("transaction") == transaction:
                    self._news.remove(message)
                    return reply
            await self._change()

    async def _change(self) -> None:
        if self._failure is not None:
            raise self._failure
        await self._changed.wait()

    def _wake(self) -> None:
        """Let all who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()


@asynccontextmanager
async def asking(settings: MqttSettings, *topics: str, key: bytes = b"") -> AsyncIterator[Asker]:
    """A client with a name of its own, so that it disturbs nobody, which hears these topics; raises BrokerError.

    It signs what it asks if there is a `key`.
    """
    client_id = f"usense-asks-{secrets.token_hex(4)}"
    v5 = settings.protocol == "5"
    if settings.protocol == "auto":
        v5 = await knows_v5(settings, client_id)
    async with connect(settings, client_id, v5=v5, will=None) as link:
        asker = Asker(link, settings, key)
        reader = asyncio.create_task(asker.read(), name="mqtt asker")
        try:
            for topic in topics:
                await asker.hear(topic)
            yield asker
            reader.cancel()
            await link.finish()
        finally:
            reader.cancel()
            await asyncio.wait((reader,))


def parsed(payload: bytes) -> Any:
    """The JSON value in a payload, or the text if it is not JSON; None for what is not text."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
