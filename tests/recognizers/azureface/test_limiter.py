"""Turns in virtual time: even, in order, bounded, and nothing is lost when a caller gives up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from benchmarks.measures import virtual
from tests.support import waiting
from uSense.core.quota import F0, S0, Quota, Tier
from uSense.recognizers.azureface import limiter as module
from uSense.recognizers.azureface.errors import QuotaGoneError, RateLimitedError
from uSense.recognizers.azureface.ledger import Memory, shared
from uSense.recognizers.azureface.limiter import Limiter

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
T = TypeVar("T")


def limited(tier: Tier, ledger: Memory | None = None) -> Limiter:
    """A limiter on the running loop's clock, at noon."""
    loop = asyncio.get_running_loop()
    return Limiter(tier, ledger, clock=loop.time, wall=lambda: NOON + loop.time(), jitter=lambda: 0.5)


async def call(limiter: Limiter, log: list[tuple[str, float]], name: str, *, urgent: bool = True) -> None:
    """One call of a tenth of a second."""
    async with limiter.turn(10.0, urgent=urgent) as turn:
        log.append((name, asyncio.get_running_loop().time()))
        await asyncio.sleep(0.1)
        turn.answered(0.08)


def test_calls_keep_the_tier() -> None:
    """Of sixty callers at once each gets a turn, in order, evenly, and no window holds too many."""

    async def main() -> list[tuple[str, float]]:
        limiter, log = limited(F0), list[tuple[str, float]]()
        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(call(limiter, log, str(number)))
        return log

    log = virtual.run(main())
    times = [at for _, at in log]
    assert [name for name, _ in log] == [str(number) for number in range(60)]
    assert all(later - earlier >= 2.8 for earlier, later in pairwise(times))
    assert all(later - earlier >= 60.0 for earlier, later in zip(times, times[20:], strict=False))
    assert times[-1] < 180


def test_waiting_people_overtake_an_enrollment_but_do_not_stop_it() -> None:
    """Of twenty turns under load two are the enrollment's."""

    async def main() -> list[str]:
        limiter, log = limited(S0), list[tuple[str, float]]()
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(call(limiter, log, f"face {number}", urgent=False))
            for number in range(30):
                group.create_task(call(limiter, log, f"look {number}"))
        return [name[:4] for name, _ in log]

    order = virtual.run(main())
    assert order[:20].count("face") in {2, 3}  # the first one found nobody before it
    assert order.count("face") == 5


@pytest.mark.parametrize("tier", [F0, S0])
def test_an_enrollment_in_another_process_has_its_tenth(tier: Tier) -> None:
    """Urgent calls of a service go before those of a command beside it, which is not starved and costs no turn."""

    async def main() -> tuple[int, int, int]:
        ledger = Memory()
        service, command = limited(tier, ledger), limited(tier, ledger)
        looks, faces = list[tuple[str, float]](), list[tuple[str, float]]()

        async def always(limiter: Limiter, log: list[tuple[str, float]], *, urgent: bool) -> None:
            while True:
                await call(limiter, log, "x", urgent=urgent)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(always(service, looks, urgent=True)) for _ in range(4)]
            tasks += [group.create_task(always(command, faces, urgent=False)) for _ in range(2)]
            await asyncio.sleep(30 * tier.seconds)
            together = len(looks), len(faces)
            for task in tasks[:4]:
                task.cancel()
            await asyncio.sleep(10 * tier.seconds)
            for task in tasks[4:]:
                task.cancel()
        return *together, len(faces) - together[1]

    looks, faces, alone = virtual.run(main())
    assert looks + faces >= 0.97 * 30 * tier.calls
    assert 0.08 <= faces / (looks + faces) <= 0.12
    assert alone >= 0.95 * 10 * tier.calls


def test_a_canceled_caller_leaves_no_gap() -> None:
    """Neither one that waits nor one that is being answered blocks the others for good."""

    async def main() -> int:
        limiter, log = limited(Tier(1, 10.0)), list[tuple[str, float]]()
        tasks = [asyncio.create_task(call(limiter, log, str(number))) for number in range(4)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.wait(tasks)
        return len(log)

    assert virtual.run(main()) == 3


def test_a_full_line_turns_newcomers_away() -> None:
    """It is bounded, says so and counts; a waiting person has a line of their own."""

    async def main() -> tuple[int, int]:
        limiter, log = limited(F0), list[tuple[str, float]]()
        async with asyncio.TaskGroup() as group:
            waiters = [group.create_task(call(limiter, log, "x", urgent=False)) for _ in range(module.WAITING + 1)]
            await asyncio.sleep(0.01)
            with pytest.raises(RateLimitedError, match="wait already"):
                await call(limiter, log, "x", urgent=False)
            turned_away = limiter.usage.turned_away, limiter.usage.waiting
            group.create_task(call(limiter, log, "person"))
            await asyncio.sleep(4)
            assert ("person" in dict(log)) is True
            for waiter in waiters:
                waiter.cancel()
        return turned_away

    assert virtual.run(main()) == (1, module.WAITING)


def test_a_used_up_day_is_said_at_once() -> None:
    """Nobody waits until midnight; the next day there are calls again."""

    async def main() -> tuple[str, float, int, int]:
        ledger = Memory()
        limiter = limited(F0, ledger)
        await limiter.look()
        ledger.quota.budget.today = ledger.quota.budget.used = ledger.quota.budget.share - 1
        await call(limiter, [], "last")
        with pytest.raises(QuotaGoneError, match=r"today.s share .* goes on at 2026-11-23T00:00:00\.000Z") as raised:
            await call(limiter, [], "none")
        left = limiter.usage.left_today
        await asyncio.sleep(12 * 3600 + 1)
        await call(limiter, [], "next day")
        assert left is not None
        return raised.value.code, raised.value.until - NOON, left, limiter.usage.today

    assert virtual.run(main()) == ("quota_gone", 12 * 3600.0, 0, 1)


def test_background_calls_leave_a_reserve_and_say_so() -> None:
    """What is left is for recognizing people."""

    async def main() -> None:
        ledger = Memory()
        limiter = limited(F0, ledger)
        await limiter.look()
        ledger.quota.budget.today = ledger.quota.budget.used = ledger.quota.budget.share - 10
        with pytest.raises(QuotaGoneError, match="reserve for recognizing people"):
            await call(limiter, [], "face", urgent=False)
        await call(limiter, [], "look")

    virtual.run(main())


def test_a_turn_that_is_given_back_costs_nothing() -> None:
    """A call that was not sent after all is not counted."""

    async def main() -> int:
        limiter = limited(F0)
        async with limiter.turn(10.0) as turn:
            turn.dropped()
        return limiter.usage.month

    assert virtual.run(main()) == 0


def test_the_backends_clock_decides_the_day() -> None:
    """A Pi without a clock chip thinks it is 1970; Azure's answers say what day it is."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        ledger = Memory()
        limiter = Limiter(F0, ledger, clock=loop.time, wall=loop.time)
        await call(limiter, [], "first")
        limiter.heard(NOON)
        await call(limiter, [], "second")
        return ledger.quota.budget.day

    assert virtual.run(main()) == int(NOON // 86_400)


class Slow(Memory):
    """A ledger whose changes take a turn of the loop, as those in a thread do."""

    async def alter(self, change: Callable[[Quota], T]) -> T:
        result = change(self.quota)
        await asyncio.sleep(0.001)
        return result


def test_a_turn_taken_while_its_caller_gave_up_is_given_back() -> None:
    """The thread may have counted the call already."""

    async def main() -> tuple[int, int]:
        ledger = Slow()
        task = asyncio.create_task(call(limited(F0, ledger), [], "x"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return ledger.quota.budget.used, len(ledger.quota.pace.calls)

    assert virtual.run(main()) == (0, 0)


async def test_processes_share_one_pace(tmp_path: Path) -> None:
    """What one limiter sends, the other one waits for; budgets are common, too."""
    tier = Tier(2, 0.2, 30_000)
    started: list[float] = []

    async def caller(limiter: Limiter) -> None:
        for _ in range(4):
            async with limiter.turn(5.0) as turn:
                started.append(time.monotonic())
                turn.answered()

    async with shared(tmp_path / "pace") as one, shared(tmp_path / "pace") as other:
        first, second = Limiter(tier, one), Limiter(tier, other)
        async with asyncio.TaskGroup() as group:
            group.create_task(caller(first))
            group.create_task(caller(second))
        await second.look()
        await first.look()

    started.sort()
    assert all(later - earlier >= 0.2 for earlier, later in zip(started, started[2:], strict=False))
    assert first.usage.month == second.usage.month == 8


async def test_waiting_for_another_process_ends_with_its_call(tmp_path: Path) -> None:
    """A call under way elsewhere blocks a full window; when it ends, the wait is known."""
    tier = Tier(1, 0.05)
    async with shared(tmp_path / "pace") as one, shared(tmp_path / "pace") as other:
        first, second = Limiter(tier, one), Limiter(tier, other)
        done = asyncio.Event()

        async def late() -> None:
            async with second.turn(5.0) as turn:
                turn.answered()
                done.set()

        async with asyncio.TaskGroup() as group:
            async with first.turn(5.0) as turn:
                group.create_task(late())
                await waiting.until(lambda: second.usage.waiting == 1)
                turn.answered()
            await asyncio.wait_for(done.wait(), 30)
