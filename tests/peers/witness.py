"""Independent MQTT clients: mosquitto's own programs watch, send and ask."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.support import needs


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as another client received it; `expiry` in seconds, MQTT 5 only; `at` in seconds of both clocks."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry: int | None
    correlation: str
    at: tuple[float, float] = (0.0, 0.0)
    """When: monotonic and wall-clock seconds."""

    @property
    def text(self) -> str:
        return self.payload.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Witness:
    """Subscribes with QoS 1 and keeps what it receives; comes back by itself when the broker does."""

    options: tuple[str, ...] = ()
    """Further arguments of mosquitto_sub."""

    def __init__(self, port: int, *topics: str, user: str = "", password: str = "", version: str = "5") -> None:
        self.seen: list[Seen] = []
        self.subscribed = 0
        self._port = port
        self._topics = topics or ("#",)
        self._login = ["-u", user, "-P", password] if user else []
        self._version = version
        self._news = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        program = needs.program("mosquitto_sub", "mosquitto-clients")
        topics = [part for topic in self._topics for part in ("-t", topic)]
        self._process = await asyncio.create_subprocess_exec(
            # Line by line: into a pipe the program would write only now and then.
            *("stdbuf", "-oL", program, "-h", "127.0.0.1", "-p", str(self._port), "-V", self._version, *self._login),
            *("-q", "1", "-d", "-F", "> %q|%r|%E|%D|%x|%t", *self.options, *topics),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=2**26,
        )
        self._reader = asyncio.create_task(self._read(self._process), name="witness")
        try:
            await self.until(lambda: self.subscribed > 0)
        except BaseException:
            self._process.kill()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        assert self._reader is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._reader
        await self._process.wait()

    def of(self, topic: str) -> list[Seen]:
        """What was received on a topic so far."""
        return [message for message in self.seen if message.topic == topic]

    async def until(self, test: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until `test` is true, looking again after each message; one that asks for what never came is not."""

        def holds() -> bool:
            try:
                return test()
            except IndexError:  # of the last one on a topic on which there was nothing yet
                return False

        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(holds)
        except TimeoutError:
            topics = [(message.topic, message.payload[:80]) for message in self.seen[-10:]]
            raise AssertionError(f"not seen within {seconds} s; the last of {len(self.seen)}: {topics}") from None

    async def next(self, topic: str, count: int = 1) -> Seen:
        """Wait for the `count`-th message on a topic and return it."""
        await self.until(lambda: len(self.of(topic)) >= count)
        return self.of(topic)[count - 1]

    def note(self, message: Seen) -> None:
        """Keep a message."""
        self.seen.append(message)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            async with self._news:
                if line.startswith(b"> "):
                    qos, retain, expiry, correlation, payload, topic = line[2:].decode().rstrip("\n").split("|", 5)
                    number = int(expiry) if expiry else None
                    data = bytes.fromhex(payload)
                    now = time.monotonic(), time.time()
                    self.note(Seen(topic, data, int(qos), retain == "1", number, correlation, now))
                elif line.startswith(b"Subscribed "):
                    self.subscribed += 1
                self._news.notify_all()


async def publish(port: int, topic: str, payload: bytes | str, *more: str) -> None:
    """Publish with QoS 1 by mosquitto_pub and wait for the broker's acknowledgment; `more` are its arguments."""
    program = needs.program("mosquitto_pub", "mosquitto-clients")
    data = payload.encode() if isinstance(payload, str) else payload
    process = await asyncio.create_subprocess_exec(
        *(program, "-h", "127.0.0.1", "-p", str(port), "-V", "5", "-q", "1", "-t", topic),
        *("-s" if data else "-n", *more),
        stdin=asyncio.subprocess.PIPE if data else asyncio.subprocess.DEVNULL,
    )
    await process.communicate(data or None)
    assert process.returncode == 0
