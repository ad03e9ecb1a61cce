"""All the queue machinery there is: bounded, counted, fair."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager, suppress
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Lane:
    """One named worker thread for blocking calls that must not overlap: `await lane.run(function, *args)`.

    Canceling the waiter does not interrupt a call that has begun; the next one waits for it, so objects used in a lane
    are never used by two threads at once. Its callers wait, so there are never more calls than tasks.

    Closing, it waits for the call that has begun, for `patience` seconds at most. Give them only where calls may block
    for good in the operating system: C++ code that is left alone at its work aborts the process when Python ends.
    """

    def __init__(self, name: str, patience: float | None = None) -> None:
        self.name = name
        self.patience = patience
        self._calls: SimpleQueue[tuple[asyncio.Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._open = False
        self._ended = asyncio.Event()
        self._begun: float | None = None

    async def __aenter__(self) -> Self:
        # A daemon: Python waits for all other threads when it ends, those of its executors included.
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, args=(loop,), name=self.name, daemon=True).start()
        self._open = True
        _lanes.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        _lanes.discard(self)
        self._calls.put(None)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                await self._ended.wait()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `call` in the lane's thread and return its result."""
        if not self._open:
            raise RuntimeError(f"the lane {self.name} is not open")
        promise: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put((promise, partial(call, *args, **kwargs)))
        try:
            return await promise
        finally:
            del promise  # an error would hold itself by it, and with it all that its traceback saw

    def busy(self, now: float) -> float:
        """Seconds that the call under way has taken so far, 0 without one; `now` in monotonic seconds."""
        begun = self._begun
        return 0.0 if begun is None else max(0.0, now - begun)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            while (order := self._calls.get()) is not None:
                promise, call = order
                if not promise.cancelled():
                    self._begun = time.monotonic()
                    result, error = _outcome(call)
                    # First of all: who is told the result may look at once whether the lane still works.
                    self._begun = None
                    loop.call_soon_threadsafe(_settle, promise, result, error)
                    del result, error
                del order, promise, call  # with its pictures
            loop.call_soon_threadsafe(self._ended.set)


_lanes: set[Lane] = set()
"""Those that are open; other threads look at them, so it is always copied in one step."""


def stuck(patience: float) -> dict[str, float]:
    """The open lanes whose call takes longer than `patience` seconds, with the seconds it has taken so far."""
    now = time.monotonic()
    return {lane.name: busy for lane in list(_lanes) if (busy := lane.busy(now)) > patience}


def idle() -> set[str]:
    """The open lanes that have no call."""
    now = time.monotonic()
    return {lane.name for lane in list(_lanes) if not lane.busy(now)}


def _outcome(call: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    """What a call returned, or raised."""
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the waiter
        return None, error


def _settle(promise: asyncio.Future[T | None], result: T | None, error: BaseException | None) -> None:
    """Tell the waiter, if there still is one."""
    if promise.cancelled():
        return
    if error is None:
        promise.set_result(result)
    else:
        promise.set_exception(error)


class Latest(Generic[K, T]):
    """One slot per key: newer items replace older ones, keys are served in turn, one item of a key is out at a time."""

    def __init__(self) -> None:
        self._slots: dict[K, T] = {}
        self._ready: deque[K] = deque()
        self._out: set[K] = set()
        self._filled = asyncio.Event()

    def put(self, key: K, item: T) -> bool:
        """Offer an item; True if it replaced one that nobody had taken."""
        replaced = key in self._slots
        self._slots[key] = item
        if not replaced and key not in self._out:
            self._make_ready(key)
        return replaced

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[T]:
        """Wait for an item; its key gives out no other one until the block ends."""
        while not self._ready:
            self._filled.clear()
            await self._filled.wait()
        key = self._ready.popleft()
        self._out.add(key)
        try:
            yield self._slots.pop(key)
        finally:
            self._out.remove(key)
            if key in self._slots:
                self._make_ready(key)

    def _make_ready(self, key: K) -> None:
        self._ready.append(key)
        self._filled.set()


class Best(Generic[K, T]):
    """At most `bound` items, one per key: the worthiest is taken first, and when it is full the least worthy leaves."""

    def __init__(self, bound: int, worth: Callable[[T], tuple[float, ...]]) -> None:
        self.bound = bound
        self.worth = worth
        self._items: dict[K, T] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: K) -> T | None:
        """The key's item, if it still waits; it goes on waiting."""
        return self._items.get(key)

    def put(self, key: K, item: T) -> K | None:
        """Offer an item, replacing the key's own; returns the key that had to leave, if any."""
        self._items[key] = item
        self._filled.set()
        if len(self._items) <= self.bound:
            return None
        worst = min(self._items, key=lambda other: self.worth(self._items[other]))
        del self._items[worst]
        return worst

    def oldest(self, age: Callable[[T], float]) -> float:
        """The highest age of an item that waits, 0 without one."""
        return max(map(age, self._items.values()), default=0.0)

    def discard(self, key: K) -> None:
        """Drop the key's item, if it still waits."""
        self._items.pop(key, None)

    async def filled(self, count: int = 1) -> None:
        """Wait until so many items are there."""
        while len(self._items) < min(count, self.bound):
            self._filled.clear()
            await self._filled.wait()

    def take(self, count: int) -> list[T]:
        """Up to so many items, the worthiest first."""
        best = heapq.nlargest(count, self._items, key=lambda key: self.worth(self._items[key]))
        return [self._items.pop(key) for key in best]


async def next_batch(queue: Best[K, T], size: int, wait: float, age: Callable[[T], float] = lambda _: 0.0) -> list[T]:
    """Wait for one item, then for `size` of them for at most `wait` seconds; until then they may be replaced.

    What an item's `age` says it waited before counts.
    """
    batch: list[T] = []
    while not batch:
        await queue.filled()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, wait - queue.oldest(age))):
                await queue.filled(size)
        batch = queue.take(size)
    return batch


class Switch:
    """An on/off state that tasks can wait for in both directions."""

    def __init__(self, *, on: bool = True) -> None:
        self.on = asyncio.Event()
        self.off = asyncio.Event()
        self.turn(on=on)

    def turn(self, *, on: bool) -> None:
        """Set the state."""
        (self.on if on else self.off).set()
        (self.off if on else self.on).clear()


async def until(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Run `work` until it ends or `event` is set, whichever is first; then it is canceled and awaited.

    Its result, None if it was canceled.
    """
    task = asyncio.create_task(work, name="until.work")
    waiter = asyncio.create_task(event.wait(), name="until.event")
    try:
        await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(waiter)
        await _cancel(task)
    return None if task.cancelled() else task.result()


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait((task,))


async def sleep_until(clock: Callable[[], float], at: float) -> None:
    """Sleep until `clock()` reaches `at`; yields to the loop even if it has passed."""
    await asyncio.sleep(max(0.0, at - clock()))
