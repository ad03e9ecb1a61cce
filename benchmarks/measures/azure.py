"""Callers of Azure Face in simulated time, before a server that counts calls in a sliding window."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from benchmarks.measures import virtual
from uSense.core.quota import Tier
from uSense.recognizers.azureface.errors import QuotaGoneError
from uSense.recognizers.azureface.limiter import Limiter

BEGIN = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
"""Wall-clock second at which the simulated time begins: a month of thirty days."""
ONE_WAY, JITTER = 0.012, 0.004
"""Seconds that the network needs at least each way, and on average on top (exponential)."""
DETECT, IDENTIFY, NAME = (0.12, 0.35), (0.06, 0.20), (0.02, 0.06)
"""Seconds that the service works, evenly distributed between these."""
SHOT, RETRY = 1.0, 5.0
"""The serial loop of 2018: seconds from a photo to its upload, and its pause when nobody was recognized."""
WITHIN = 30.0


@dataclass
class Azure:
    """The service: what it takes, refuses and answers."""

    tier: Tier
    seed: int = 0
    tells_time: bool = True
    accepted: list[float] = field(default_factory=list)
    refused: int = 0
    _window: deque[float] = field(default_factory=deque)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - delays

    async def call(self, work: tuple[float, float], begun: Callable[[float], None] = lambda _: None) -> bool:
        """One call over the network; whether it was taken. `begun` is told the service time when the answer comes."""
        await self._travel()
        now = asyncio.get_running_loop().time()
        while self._window and self._window[0] <= now - self.tier.seconds:
            self._window.popleft()
        taken = len(self._window) < self.tier.calls
        seconds = self._random.uniform(*work) if taken else 0.001
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
        await asyncio.sleep(ONE_WAY + self._random.expovariate(1 / JITTER))


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
        return self.spent / max(1, self.people)


def usense(tier: Tier, seconds: float, *, batch: int, seed: int = 0, tells_time: bool = True) -> Outcome:
    """The real limiter with always somebody new to identify, `batch` of them at a time."""

    async def look(azure: Azure, limiter: Limiter, done: Counter[str]) -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    detected = [group.create_task(_limited(azure, limiter, DETECT)) for _ in range(batch)]
                spent = sum(task.result() for task in detected) + await _limited(azure, limiter, IDENTIFY)
            except* QuotaGoneError as errors:
                gone = errors.exceptions[0]
                assert isinstance(gone, QuotaGoneError)
                await asyncio.sleep(gone.until - BEGIN - asyncio.get_running_loop().time())
            else:
                done.update(people=batch, spent=spent)

    async def main() -> Outcome:
        azure, done = Azure(tier, seed, tells_time), Counter[str]()
        loop = asyncio.get_running_loop()
        limiter = Limiter(tier, clock=loop.time, wall=lambda: BEGIN + loop.time(), jitter=lambda: 0.5)
        await _during(seconds, [look(azure, limiter, done) for _ in range(max(4, 20 // batch))])
        return _outcome(azure, seconds, done)

    return virtual.run(main())


def serial(tier: Tier, seconds: float, *, seed: int = 0) -> Outcome:
    """The loop of 2018: photo, detect, identify, name, one after the other; five seconds' rest when anything fails."""

    async def main() -> Outcome:
        azure, done = Azure(tier, seed), Counter[str]()

        async def loop() -> None:
            while True:
                await asyncio.sleep(SHOT)
                if await azure.call(DETECT) and await azure.call(IDENTIFY) and await azure.call(NAME):
                    done.update(people=1)
                else:
                    await asyncio.sleep(RETRY)

        await _during(seconds, [loop()])
        done["spent"] = len(azure.accepted) + azure.refused
        return _outcome(azure, seconds, done)

    return virtual.run(main())


async def _limited(azure: Azure, limiter: Limiter, work: tuple[float, float]) -> int:
    """One call, again if it is refused; how many it took."""
    for number in count(1):
        async with limiter.turn(WITHIN) as turn:
            service: list[float] = []
            if await azure.call(work, service.append):
                turn.answered(service[0])
                return number
            turn.refused(None)
    raise AssertionError("counting never ends")


async def _during(seconds: float, work: list[Coroutine[Any, Any, None]]) -> None:
    """Let the work go on for so many seconds."""
    tasks = [asyncio.create_task(each, name=f"caller-{number}") for number, each in enumerate(work)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, asyncio.CancelledError), "a caller ended by itself"


def _outcome(azure: Azure, seconds: float, done: Counter[str]) -> Outcome:
    assert most_in_a_window(azure.accepted, azure.tier) <= azure.tier.calls
    allowed = azure.tier.calls * seconds / azure.tier.seconds
    if azure.tier.month is not None:
        allowed = min(allowed, azure.tier.month * seconds / (30 * 86_400))
    made = sum(at < seconds for at in azure.accepted)
    return Outcome(seconds, made, allowed, azure.refused, done["people"], done["spent"])


def most_in_a_window(times: list[float], tier: Tier) -> int:
    """The largest number of calls taken in any window."""
    most = ends = 0
    for begin, at in enumerate(times):
        while ends < len(times) and times[ends] < at + tier.seconds:
            ends += 1
        most = max(most, ends - begin)
    return most
