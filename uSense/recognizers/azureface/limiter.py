"""Turns for calls to Azure: one pace and one budget for everything, waiting people first."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from uSense.core.line import Line
from uSense.core.quota import Budget, Quota, Tier
from uSense.recognizers.azureface.errors import QuotaGoneError, RateLimitedError
from uSense.recognizers.azureface.ledger import Ledger, Memory
from uSense.times import rfc3339

T = TypeVar("T")

WAITING = 128
"""Calls of either kind that may wait for a turn; when full, newcomers are refused."""


@dataclass(slots=True)
class Turn:
    """A call that may be sent now; whoever makes it says how it ended, or it counts as lost."""

    number: str
    clock: Callable[[], float]
    ended: float | None = None
    service: float = 0.0
    refusal: bool = False
    told: float | None = None
    unsent: bool = False

    def answered(self, service: float = 0.0) -> None:
        """An answer begins; the backend says it worked so many seconds on it."""
        self.ended, self.service = self.clock(), service

    def refused(self, told: float | None) -> None:
        """The call came too early, and was told to wait so many seconds."""
        self.ended, self.refusal, self.told = self.clock(), True, told

    def dropped(self) -> None:
        """The call is not sent after all."""
        self.unsent = True


@dataclass(frozen=True, slots=True)
class Usage:
    """The limiter's figures: calls of this month and day (UTC), those left, who waits, and what was refused."""

    month: int = 0
    today: int = 0
    left_month: int | None = None
    left_today: int | None = None
    waiting: int = 0
    refused: int = 0
    """Calls that Azure refused as too many."""
    turned_away: int = 0
    """Calls for which the waiting line had no room."""
    slowness: float = 1.0
    """How many times slower than allowed the pace is after refusals."""
    again_at: float | None = None
    """Wall-clock second at which there are calls again; None while there are."""


class Limiter:
    """Never more calls than the tier allows in any window; the month's are spread over its days."""

    def __init__(
        self,
        tier: Tier,
        ledger: Ledger | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.tier = tier
        self.skew: float | None = None
        """Seconds that Azure's clock is ahead of ours, once it told its time."""
        self._ledger = ledger or Memory()
        self._clock = clock
        self._wall = wall
        self._jitter = jitter
        self._line = Line(WAITING)
        self._tickets = itertools.count()
        self._owner = f"{os.getpid()}-{random.getrandbits(24):06x}"
        self._changed = asyncio.Event()
        self._refused = 0
        self._turned_away = 0
        self._known = Usage()

    @asynccontextmanager
    async def turn(self, within: float, *, urgent: bool = True) -> AsyncIterator[Turn]:
        """Wait until a call may be sent that ends within `within` seconds; raises RateLimited- and QuotaGoneError."""
        ticket = next(self._tickets)
        turn = Turn(f"{self._owner}-{ticket}", self._clock)
        await self._wait(ticket, turn.number, within, urgent=urgent)
        try:
            yield turn
        finally:
            await self._alter(partial(self._end, turn))
            self._wake()

    def heard(self, wall: float) -> None:
        """Azure told its time."""
        self.skew = wall - self._wall()

    async def emptied(self, days: float | None) -> float:
        """Azure refuses all calls for so many days; returns the wall-clock second at which there are some again."""

        def change(quota: Quota) -> float:
            quota.budget.emptied(self._now(), days)
            return quota.budget.empty_until

        return await self._alter(change)

    async def look(self) -> None:
        """Learn what was used before."""
        await self._alter(lambda quota: quota.budget.roll(self.tier, self._now(), sure=self.skew is not None))

    @property
    def usage(self) -> Usage:
        """As it was at the last call."""
        return replace(self._known, waiting=len(self._line), refused=self._refused, turned_away=self._turned_away)

    async def _wait(self, ticket: int, number: str, within: float, *, urgent: bool) -> None:
        if not self._line.join(ticket, urgent=urgent):
            self._turned_away += 1
            raise RateLimitedError(f"{len(self._line)} calls to Azure wait already: this one is left out")
        try:
            while True:
                changed = self._changed
                pause = None
                if self._line.first == ticket:
                    pause = await self._try(number, within, urgent=urgent)
                    if not pause:
                        self._line.served(ticket)
                        return
                try:
                    async with asyncio.timeout(pause):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            self._line.leave(ticket)
            self._wake()

    async def _try(self, number: str, within: float, *, urgent: bool) -> float:
        try:
            return await self._alter(partial(self._start, number, within, urgent))
        except asyncio.CancelledError:
            # A thread may have taken the turn meanwhile.
            await self._alter(partial(self._give_back, number))
            raise

    def _start(self, number: str, within: float, urgent: bool, quota: Quota) -> float:  # noqa: FBT001 - for partial
        wall = self._now()
        quota.budget.roll(self.tier, wall, sure=self.skew is not None)
        until = quota.budget.again(self.tier, wall, urgent=urgent)
        if until is not None:
            raise QuotaGoneError(self._why(quota.budget, wall, until, urgent=urgent), until)
        now = self._clock()
        delay = quota.pace.claim(self.tier, now, urgent=urgent)
        if delay <= 0:
            quota.pace.start(number, self.tier, now, within, urgent=urgent)
            quota.budget.take()
        return delay

    def _give_back(self, number: str, quota: Quota) -> None:
        if quota.pace.dropped(number):
            quota.budget.give_back()

    def _end(self, turn: Turn, quota: Quota) -> None:
        if turn.unsent:
            self._give_back(turn.number, quota)
        elif turn.ended is None:
            quota.pace.failed(turn.number, self._clock())
        elif turn.refusal:
            self._refused += 1
            quota.pace.refused(turn.number, self.tier, turn.ended, turn.told, self._jitter())
        else:
            quota.pace.answered(turn.number, turn.ended, turn.service)

    async def _alter(self, change: Callable[[Quota], T]) -> T:
        def seen(quota: Quota) -> T:
            try:
                return change(quota)
            finally:
                self._known = self._usage(quota)

        return await self._ledger.alter(seen)

    def _usage(self, quota: Quota) -> Usage:
        budget = quota.budget
        return Usage(
            month=budget.used,
            today=budget.today,
            left_month=None if self.tier.month is None else max(0, self.tier.month - budget.used),
            left_today=budget.left(self.tier),
            slowness=quota.pace.slowness,
            again_at=budget.again(self.tier, self._now(), urgent=True),
        )

    def _why(self, budget: Budget, wall: float, until: float, *, urgent: bool) -> str:
        if wall < budget.empty_until:
            what = "Azure says that this resource has no calls left"
        elif self.tier.month is not None and budget.used >= self.tier.month:
            what = f"the {self.tier.month} calls of this month are used up"
        elif not urgent and budget.left(self.tier):
            what = "today's share of the month's calls is used up, but for a reserve for recognizing people"
        else:
            what = "today's share of the month's calls is used up"
        return f"{what}; it goes on at {rfc3339(until)}"

    def _now(self) -> float:
        return self._wall() + (self.skew or 0.0)

    def _wake(self) -> None:
        """Let every waiter look again at who is first."""
        self._changed.set()
        self._changed = asyncio.Event()
