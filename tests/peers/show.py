"""What the camera servers of the tests have in common: a numbered picture at a steady rate."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.films import bars
from tests.support.ports import free_port
from uSense.core.models import Rgb, Size


class Show(ABC):
    """A camera server on loopback. `port` stays the same when it is entered again: a restart."""

    def __init__(self, *, fps: float = 15, size: Size = (320, 240), username: str = "", password: str = "") -> None:
        self.fps = fps
        self.size = size
        self.username = username
        self.password = password
        self.port = 0
        self.stalled = False
        """While set, connections stay open but nothing is sent."""
        self.number = 0
        """Number of the next picture."""
        self._sent = asyncio.Condition()
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.port = await self.listen(self.port or free_port())
        self._pump = asyncio.create_task(self._run(), name=f"{type(self).__name__} pump")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pump is not None:
            self._pump.cancel()
            with suppress(asyncio.CancelledError):
                await self._pump
        self.drop_clients()
        await self.close()

    @property
    @abstractmethod
    def url(self) -> str:
        """The address, without user and password."""

    def picture(self) -> Rgb:
        """The next picture."""
        return bars(self.number, self.size)

    @abstractmethod
    async def listen(self, port: int) -> int:
        """Start. Returns the port."""

    @abstractmethod
    async def close(self) -> None:
        """Stop listening."""

    @abstractmethod
    def drop_clients(self) -> None:
        """Break all connections."""

    @abstractmethod
    async def send(self, picture: Rgb) -> bool:
        """Send a picture to all viewers; False if there is none."""

    async def sent(self, count: int, within: float = 30.0) -> None:
        """Wait until that many further pictures were sent."""
        async with asyncio.timeout(within), self._sent:
            goal = self.number + count
            await self._sent.wait_for(lambda: self.number >= goal)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + 1 / self.fps, loop.time())
            await asyncio.sleep(due - loop.time())
            if not self.stalled and await self.send(self.picture()):
                async with self._sent:
                    self.number += 1
                    self._sent.notify_all()
