"""What all cameras share: their common settings, scene numbers, and the bridge from a camera's thread to the loop."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections import deque
from contextlib import suppress

from pydantic import Field

from uSense.core.errors import CameraError
from uSense.core.models import Frame
from uSense.core.motion import MotionRules
from uSense.schema import Branch

LUMA_SIDE = 160
"""Longest side of the small gray picture for the motion gate."""

new_scene = itertools.count(1).__next__
"""A number that no frame of this process has had: every opening and every cut begins a new scene."""


class CameraSettings(Branch):
    """What every kind of camera has."""

    fps: float = Field(default=10, gt=0, le=120)
    """Looks a second at most."""
    motion: MotionRules = MotionRules()
    """Which pictures are worth a look."""


class Inbox:
    """The camera as the loop sees it, when a thread makes its frames: one place, in which the newest frame wins.

    The thread calls `opened`, `heard`, `put` and `fail`, and asks what is `wanted`; all of them return at once, even
    when the loop has ended.
    """

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self.name = name
        self.skipped = 0
        self._loop = loop
        self._patience = patience
        self._newest: deque[Frame] = deque(maxlen=1)
        self._error: BaseException | None = None
        self._was_open = False
        self._open = asyncio.Event()
        self._ready = asyncio.Event()
        self._awaited = math.inf
        self._heard = time.monotonic()
        self._watched: asyncio.TimerHandle | None = None

    def opened(self) -> None:
        """The source is open; frames may take a moment yet."""
        self._heard = time.monotonic()
        self._was_open = True
        self._tell(self._open)

    def heard(self) -> None:
        """The source is alive, even if there is no whole frame yet."""
        self._heard = time.monotonic()

    @property
    def wanted(self) -> float:
        """The monotonic second of which the next frame has to be at least; 0 if any may be read."""
        awaited = self._awaited
        return 0.0 if awaited == math.inf else awaited

    def put(self, frame: Frame) -> None:
        """Offer a frame; an unread one is replaced and counted. The loop is woken only if it waits for such a one."""
        try:
            self._newest.popleft()
        except IndexError:
            pass
        else:
            self.skipped += 1
        self._newest.append(frame)
        if frame.stamp >= self._awaited:
            self._tell(self._ready)

    def fail(self, error: BaseException) -> None:
        """No more frames come: after the last one is read, `read` raises `error`."""
        self._error = error
        self._tell(self._open)
        self._tell(self._ready)

    async def wait_open(self, *, within: float) -> None:
        """Wait until the thread has opened the source; raises what it failed with, or CameraError `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._open.wait()
        except TimeoutError as error:
            raise CameraError(self.name, f"no answer within {within:g} s: is it on, is the address right?") from error
        if self._error is not None and not self._was_open:
            raise self._error

    async def read(self, after: float = 0.0) -> Frame:
        self._awaited = after
        try:
            while True:
                self._ready.clear()
                error = self._error  # before the look for a frame: the last one comes before the error
                if (frame := self._take(after)) is not None:
                    return frame
                if error is not None:
                    raise error
                if self._watched is None:
                    self._watched = self._loop.call_later(self._patience, self._watch)
                await self._ready.wait()
        finally:
            self._awaited = math.inf

    def _take(self, after: float) -> Frame | None:
        with suppress(IndexError):  # the thread is replacing it at this moment, and will say so
            if self._newest[0].stamp >= after:
                return self._newest.popleft()
        return None

    def _watch(self) -> None:
        """Look now and then whether the source is alive: the thread's own timeouts fail where a driver hangs.

        One timer for many frames: to set one for each would cost as much as to read it.
        """
        self._watched = None
        if self._awaited == math.inf:
            return
        left = self._heard + self._patience - time.monotonic()
        if left < 0:
            self._error = self._error or CameraError(self.name, f"no picture for {self._patience:g} s: is it on?")
            self._ready.set()
        else:
            self._watched = self._loop.call_later(left, self._watch)

    def _tell(self, event: asyncio.Event) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(event.set)
