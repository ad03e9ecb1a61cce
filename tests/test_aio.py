"""Queues: bounded, counted, fair, and losing nothing when a waiter is canceled."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from threading import Event

import pytest

from tests.support import needs, waiting
from uSense.aio import Best, Lane, Latest, Switch, idle, next_batch, stuck, until


async def settle() -> None:
    """Let every ready task run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_newest_item_of_a_key_wins() -> None:
    """An item nobody took is replaced, and the replacement is reported."""
    slots: Latest[str, int] = Latest()

    assert [slots.put("a", number) for number in range(3)] == [False, True, True]
    async with slots.taken() as item:
        assert item == 2


async def test_keys_are_served_in_turn() -> None:
    """A busy key does not starve a rare one."""
    slots: Latest[str, str] = Latest()
    slots.put("busy", "b1")
    slots.put("rare", "r1")
    served = []
    for number in range(2, 5):
        async with slots.taken() as item:
            served.append(item)
        slots.put("busy", f"b{number}")

    assert served[:2] == ["b1", "r1"]


async def test_one_item_of_a_key_is_out_at_a_time() -> None:
    """A second worker does not get the next frame of a camera while the first is at work on it."""
    slots: Latest[str, int] = Latest()
    slots.put("a", 1)
    taken: list[int] = []

    async def worker() -> None:
        async with slots.taken() as item:
            taken.append(item)

    async with slots.taken():
        slots.put("a", 2)
        other = asyncio.create_task(worker())
        await settle()
        assert taken == []
    await other

    assert taken == [2]


async def test_a_full_queue_drops_the_worst() -> None:
    """The least worthy item leaves, even if it is the new one; the worthiest is taken first."""
    queue: Best[str, float] = Best(3, lambda item: (item,))
    left = [queue.put(f"k{value}", value) for value in (5.0, 1.0, 3.0, 4.0, 0.5)]

    assert left == [None, None, None, "k1.0", "k0.5"]
    assert queue.take(9) == [5.0, 4.0, 3.0]
    assert len(queue) == 0


async def test_a_key_waits_once() -> None:
    """A newer item of the same key takes the older one's place."""
    queue: Best[str, float] = Best(3, lambda item: (item,))
    queue.put("a", 1.0)
    queue.put("a", 2.0)

    assert queue.get("a") == 2.0
    assert queue.take(1) == [2.0]
    assert queue.get("a") is None


async def test_a_discarded_item_is_not_taken() -> None:
    """What nobody needs any more leaves the queue."""
    queue: Best[str, float] = Best(3, lambda item: (item,))
    queue.put("a", 2.0)
    queue.put("b", 1.0)

    queue.discard("a")
    queue.discard("never there")

    assert queue.take(2) == [1.0]


async def test_a_batch_is_sent_when_it_is_full_or_its_time_is_up() -> None:
    """A full batch does not wait; a lone item waits no longer than allowed; nothing is lost in between."""
    queue: Best[int, int] = Best(10, lambda item: (item,))
    for number in range(4):
        queue.put(number, number)

    assert await next_batch(queue, 3, 60.0) == [3, 2, 1]
    assert await next_batch(queue, 3, 0.0) == [0]
    queue.put(7, 7)
    assert await next_batch(queue, 3, 0.01) == [7]


async def test_what_waits_for_its_batch_may_still_be_replaced() -> None:
    """Until a batch is sent, a better item of the same key takes its place; nobody else's taking empties it."""
    queue: Best[str, float] = Best(3, lambda item: (item,))
    queue.put("a", 1.0)
    batch = asyncio.create_task(next_batch(queue, 2, 60.0))
    await settle()
    queue.put("a", 2.0)
    await settle()
    taken = queue.take(1)
    queue.put("b", 3.0)
    queue.put("c", 4.0)

    assert (taken, await batch) == ([2.0], [4.0, 3.0])


async def test_a_canceled_taker_loses_nothing() -> None:
    """An item offered while its waiter is canceled stays in the queue."""
    queue: Best[int, int] = Best(10, lambda item: (item,))
    waiter = asyncio.create_task(next_batch(queue, 1, 60.0))
    await settle()
    queue.put(1, 1)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter

    assert queue.take(1) == [1]


async def test_a_switch_can_be_awaited_both_ways() -> None:
    """Turning a switch wakes those who wait for that state only."""
    switch = Switch()
    waiter = asyncio.create_task(switch.off.wait())
    await settle()
    assert not waiter.done()

    switch.turn(on=False)
    await asyncio.wait_for(waiter, 30)

    assert not switch.on.is_set()


async def test_until_stops_the_work_and_waits_for_its_cleanup() -> None:
    """When the event comes the work is canceled, and its cleanup is done before `until` returns."""
    stop = asyncio.Event()
    done: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("cleaned")

    running = asyncio.create_task(until(stop, work()))
    await settle()
    stop.set()
    await asyncio.wait_for(running, 30)

    assert done == ["cleaned"]


async def test_until_gives_the_result_of_work_that_was_not_stopped() -> None:
    """The result is None if the event came first."""

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    stopped = asyncio.Event()
    stopped.set()

    assert await until(asyncio.Event(), work()) == 7
    assert await until(stopped, asyncio.sleep(3600, 7)) is None


async def test_until_passes_on_the_error_of_the_work() -> None:
    """An error of the work reaches the caller."""

    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await until(asyncio.Event(), work())


async def test_calls_in_a_lane_do_not_overlap_and_keep_the_loop_free() -> None:
    """A lane runs one call at a time in its own thread, even when the waiter was canceled."""
    inside = threading.Semaphore(1)
    release = threading.Event()

    def call(*, wait: bool) -> str:
        assert inside.acquire(blocking=False)
        if wait:
            release.wait(30)
        inside.release()
        return threading.current_thread().name

    async with Lane("test-lane") as lane:
        first = asyncio.create_task(lane.run(call, wait=True))
        await settle()
        first.cancel()
        second = asyncio.create_task(lane.run(call, wait=False))
        await settle()
        release.set()

        assert (await second).startswith("test-lane")


async def test_a_call_that_nobody_waits_for_any_more_is_not_begun() -> None:
    """Only what has begun is brought to its end; a closed lane takes no calls, and its thread ends."""
    release = threading.Event()
    begun: list[int] = []

    async with Lane("test-lane") as lane:
        first = asyncio.create_task(lane.run(release.wait, 30))
        second = asyncio.create_task(lane.run(begun.append, 2))
        await settle()
        second.cancel()
        await settle()
        release.set()
        assert await first
    with pytest.raises(RuntimeError, match="test-lane is not open"):
        await lane.run(begun.append, 3)

    assert begun == []
    await waiting.until(lambda: all(thread.name != "test-lane" for thread in threading.enumerate()))


async def test_errors_of_a_call_reach_its_waiter_and_the_lane_goes_on() -> None:
    """Whatever the error is."""
    async with Lane("test-lane") as lane:
        with pytest.raises(SystemExit):
            await lane.run(sys.exit, 3)

        assert await lane.run(int, "7") == 7


async def test_errors_of_a_call_hold_nothing_when_they_are_dealt_with() -> None:
    """What a failed call worked on is given back at once, not whenever the garbage collector comes."""
    held: list[weakref.ref[Event]] = []

    def fail() -> None:
        picture = Event()
        held.append(weakref.ref(picture))
        raise ValueError(str(picture))

    gc.disable()
    try:
        async with Lane("test") as lane:
            with suppress(ValueError):
                await lane.run(fail)
            await lane.run(int)  # the thread itself is done with the first one
            assert held[0]() is None
    finally:
        gc.enable()


async def test_a_closing_lane_waits_for_the_call_that_has_begun() -> None:
    """Even if its waiter has gone: native code must not be at work when the process ends."""
    begun, release = threading.Event(), threading.Event()
    done: list[bool] = []

    def call() -> None:
        begun.set()
        done.append(release.wait(30))

    async def use() -> None:
        async with Lane("test-lane") as lane:
            waiter = asyncio.create_task(lane.run(call))
            await waiting.until(begun.is_set)
            waiter.cancel()

    using = asyncio.create_task(use())
    await waiting.until(begun.is_set)
    await settle()
    assert not using.done()
    release.set()
    await using

    assert done == [True]


STUCK = """
import asyncio, os
from uSense.aio import Lane

async def main():
    async with Lane("stuck", patience=0.1) as lane:
        call = asyncio.create_task(lane.run(os.read, os.pipe()[0], 1))
        await asyncio.sleep(0)
        call.cancel()
    print("closed")

asyncio.run(main())
"""


def test_a_call_that_never_returns_does_not_keep_the_process() -> None:
    """A dead network drive blocks its thread for good; the program ends nevertheless, and orderly."""
    command = [sys.executable, "-c", STUCK]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=needs.ROOT)

    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


async def test_a_lane_that_hangs_is_known_by_name() -> None:
    """A call that takes longer than it should shows with its lane's name until it returns; waiting lanes do not."""
    begun, end = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        end.wait(30)

    async with Lane("hung") as lane, Lane("idle"):
        call = asyncio.create_task(lane.run(hang), name="call")
        await asyncio.to_thread(begun.wait, 30)
        hanging, resting = stuck(0.0), idle()
        patient = stuck(60.0)
        end.set()
        await call
        over = stuck(0.0)

    assert list(hanging) == ["hung"]
    assert hanging["hung"] > 0
    assert resting == {"idle"}
    assert patient == over == {}
