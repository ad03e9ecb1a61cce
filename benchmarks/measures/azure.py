"""Callers of Azure Face in simulated time, before a server that counts calls in a sliding window."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random
from typing import Any

from benchmarks.measures import virtual
from uSense import aio
from uSense.core.quota import Tier
from uSense.recognizers.azureface.account import RemoteCandidate
from uSense.recognizers.azureface.errors import QuotaGoneError
from uSense.recognizers.azureface.gathering import BATCH, Batch, Gathering
from uSense.recognizers.azureface.limiter import Limiter
from uSense.recognizers.azureface.recognizer import sparing

BEGIN = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
"""Wall-clock second at which the simulated time begins: a month of thirty days."""
ONE_WAY, JITTER = 0.012, 0.004
"""Seconds that the network needs at least each way, and on average on top (exponential)."""
DETECT, IDENTIFY, NAME = (0.12, 0.35), (0.06, 0.20), (0.02, 0.06)
"""Seconds that the service works, evenly distributed between these."""
SHOT, RETRY = 1.0, 5.0
"""The serial loop of 2018: seconds from a photo to its upload, and its pause when nobody was recognized."""
WITHIN = 30.0
FACES = 64
"""Faces that may wait: the pipeline's default."""


@dataclass
class Azure:
    """The service: what it takes, refuses and answers."""

    tier: Tier
    seed: int = 0
    tells_time: bool = True
    accepted: list[float] = field(default_factory=list)
    refused: int = 0
    _window: deque[float] = field(default_factory=deque)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - delays

    async def call(self, work: tuple[float, float], begun: Callable[[float], None] = lambda _: None) -> bool:
        """One call over the network; whether it was taken. `begun` is told the service time when the answer comes."""
        await self._travel()
        now = asyncio.get_running_loop().time()
        while self._window and self._window[0] <= now - self.tier.seconds:
            self._window.popleft()
        taken = len(self._window) < self.tier.calls
        seconds = self.random.uniform(*work) if taken else 0.001
        if taken:
            self._window.append(now)
            self.accepted.append(now)
        else:
            self.refused += 1
        await asyncio.sleep(seconds)
        await self._travel()
        begun(int(seconds * 1000) / 1000 if self.tells_time else 0.0)
        return taken

    async def _travel(self) -> None:
        await asyncio.sleep(ONE_WAY + self.random.expovariate(1 / JITTER))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of so many seconds."""

    seconds: float
    calls: int
    allowed: float
    refused: int
    people: int
    spent: int
    """Calls made for them, without those for looks that were not finished."""

    @property
    def used(self) -> float:
        """Part of the allowed calls that was made."""
        return self.calls / self.allowed

    @property
    def per_minute(self) -> float:
        """People identified a minute."""
        return self.people * 60 / self.seconds

    @property
    def per_look(self) -> float:
        """Calls for one look at one person."""
        return (self.spent + self.refused) / max(1, self.people)


def usense(
    tier: Tier,
    seconds: float,
    *,
    batch: int,
    seed: int = 0,
    tells_time: bool = True,
    stricter: Tier | None = None,
) -> Outcome:
    """The real limiter with always somebody new to identify, `batch` of them at a time.

    The service may be `stricter` than the tier that the limiter knows.
    """

    async def look(client: Client, done: Counter[str]) -> None:
        while True:
            try:
                await client.look(batch)
                done["people"] += batch
            except* QuotaGoneError as errors:
                gone = errors.exceptions[0]
                while isinstance(gone, ExceptionGroup):
                    gone = gone.exceptions[0]
                assert isinstance(gone, QuotaGoneError)
                await asyncio.sleep(gone.until - BEGIN - asyncio.get_running_loop().time())

    async def main() -> Outcome:
        azure, done = Azure(stricter or tier, seed, tells_time), Counter[str]()
        client = Client(azure, tier)
        await _during(seconds, [look(client, done) for _ in range(sparing(tier).at_once)])
        return _outcome(azure, seconds, done["people"], client.spent)

    return virtual.run(main())


def serial(tier: Tier, seconds: float, *, seed: int = 0) -> Outcome:
    """The loop of 2018: photo, detect, identify, name, one after the other; five seconds' rest when anything fails."""

    async def main() -> Outcome:
        azure, found = Azure(tier, seed), list[float]()

        async def loop() -> None:
            while True:
                await asyncio.sleep(SHOT)
                if await azure.call(DETECT) and await azure.call(IDENTIFY) and await azure.call(NAME):
                    found.append(asyncio.get_running_loop().time())
                else:
                    await asyncio.sleep(RETRY)

        await _during(seconds, [loop()])
        return _outcome(azure, seconds, len(found), len(azure.accepted))

    return virtual.run(main())


def waits(tier: Tier, rate: float, seconds: float, *, seed: int = 0) -> list[float]:
    """Seconds from a new face to its name, sorted, when `rate` of them arrive a second.

    They come half to one and a half of an even spacing apart, and are batched by the pipeline's queue and habits.
    """

    async def main() -> list[float]:
        loop, found = asyncio.get_running_loop(), list[float]()
        azure = Azure(tier, seed)
        client = Client(azure, tier)
        habits = sparing(tier)
        faces: aio.Best[int, float] = aio.Best(FACES, lambda arrived: (-arrived,))

        async def arrive() -> None:
            for number in count():
                await asyncio.sleep(azure.random.uniform(0.5, 1.5) / rate)
                assert faces.put(number, loop.time()) is None, "a face left unasked"

        async def identify() -> None:
            while True:
                size = min(BATCH, habits.most)
                batch = await aio.next_batch(faces, size, habits.ripen, lambda arrived: loop.time() - arrived)
                await client.look(len(batch))
                found.extend(loop.time() - arrived for arrived in batch)

        await _during(seconds, [arrive(), *(identify() for _ in range(habits.at_once))])
        assert not azure.refused
        return sorted(found)

    return virtual.run(main())


class Client:
    """Detects and identifies as the real client does, with the real limiter, at a server of the simulation."""

    def __init__(self, azure: Azure, tier: Tier) -> None:
        loop = asyncio.get_running_loop()
        self.spent = 0
        """Calls for looks that are finished."""
        self._azure = azure
        self._limiter = Limiter(tier, clock=loop.time, wall=lambda: BEGIN + loop.time(), jitter=lambda: 0.5)
        self._gathering = Gathering(self._identify)
        self._numbers = count()

    async def look(self, faces: int) -> None:
        """Find faces, all at once, and identify them."""
        async with asyncio.TaskGroup() as group:
            for _ in range(faces):
                group.create_task(self._call(DETECT))
        await self._gathering.ask([str(next(self._numbers)) for _ in range(faces)], urgent=True)
        self.spent += faces

    async def _identify(self, batch: Batch) -> list[list[RemoteCandidate]]:
        await self._call(IDENTIFY, partial(self._gathering.close, batch))
        self.spent += 1
        return [[] for _ in batch.face_ids]

    async def _call(self, work: tuple[float, float], sent: Callable[[], None] = lambda: None) -> None:
        taken = False
        while not taken:
            async with self._limiter.turn(WITHIN) as turn:
                sent()
                service: list[float] = []
                taken = await self._azure.call(work, service.append)
                if taken:
                    turn.answered(service[0])
                else:
                    turn.refused(None)


async def _during(seconds: float, work: list[Coroutine[Any, Any, None]]) -> None:
    """Let the work go on for so many seconds."""
    tasks = [asyncio.create_task(each, name=f"caller-{number}") for number, each in enumerate(work)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, asyncio.CancelledError), "a caller ended by itself"


def _outcome(azure: Azure, seconds: float, people: int, spent: int) -> Outcome:
    assert most_in_a_window(azure.accepted, azure.tier) <= azure.tier.calls
    allowed = azure.tier.calls * seconds / azure.tier.seconds
    if azure.tier.month is not None:
        allowed = min(allowed, azure.tier.month * seconds / (30 * 86_400))
    made = sum(at < seconds for at in azure.accepted)
    return Outcome(seconds, made, allowed, azure.refused, people, spent)


def most_in_a_window(times: list[float], tier: Tier) -> int:
    """The largest number of calls taken in any window."""
    most = ends = 0
    for begin, at in enumerate(times):
        while ends < len(times) and times[ends] < at + tier.seconds:
            ends += 1
        most = max(most, ends - begin)
    return most
