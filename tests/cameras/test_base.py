"""The bridge from a camera's thread to the loop."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from pydantic import ValidationError

from tests.support.values import frame
from uSense.cameras.base import CameraSettings, Inbox, new_scene
from uSense.core.errors import CameraError, CameraFinished

LOST = CameraError("hall", "gone")


def inbox(patience: float = 10.0) -> Inbox:
    """A new one on the running loop."""
    return Inbox("hall", asyncio.get_running_loop(), patience)


async def in_thread(*calls: object) -> None:
    """Run calls one after the other in a thread of their own, without letting the loop run meanwhile."""
    thread = threading.Thread(target=lambda: [call() for call in calls if callable(call)])
    thread.start()
    thread.join()


def test_scenes_are_never_repeated() -> None:
    """Each opening gets a number above all earlier ones."""
    assert new_scene() < new_scene()


@pytest.mark.parametrize("wrong", [{"fps": 0}, {"fps": 1000}, {"fsp": 5}, {"motion": {"change": 0}}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    """The common settings of all cameras are checked."""
    with pytest.raises(ValidationError):
        CameraSettings.model_validate(wrong)


async def test_only_the_newest_is_kept() -> None:
    """Of many frames the last one is read, and the others are counted."""
    box = inbox()
    await in_thread(*(lambda n=n: box.put(frame(n)) for n in range(1000)))
    assert (await box.read()).stamp == 999
    assert box.skipped == 999
    await in_thread(lambda: box.put(frame(1000)))
    assert (await box.read()).stamp == 1000
    assert box.skipped == 999


async def test_blocked_loop_costs_no_memory() -> None:
    """However many frames come while the loop is busy, it is woken once."""
    box = inbox()
    loop = asyncio.get_running_loop()
    before = len(loop._ready)  # type: ignore[attr-defined]  # the loop's own list of pending calls
    await in_thread(*(lambda n=n: box.put(frame(n)) for n in range(1000)))
    assert len(loop._ready) - before <= 1  # type: ignore[attr-defined]  # the same


async def test_waiting_reader_is_woken() -> None:
    """Who waits for a frame gets it as soon as the thread has it."""
    box = inbox()
    reading = asyncio.create_task(box.read(), name="read")
    await asyncio.sleep(0)
    await in_thread(lambda: box.put(frame(7)))
    assert (await reading).stamp == 7


async def test_who_waits_for_a_later_frame_is_not_woken_before() -> None:
    """Frames from before the wanted time are passed over and counted, without a word to the loop."""
    box = inbox()
    loop = asyncio.get_running_loop()
    reading = asyncio.create_task(box.read(5), name="read")
    await asyncio.sleep(0)
    before = len(loop._ready)  # type: ignore[attr-defined]  # the loop's own list of pending calls
    await in_thread(*(lambda n=n: box.put(frame(n)) for n in range(5)))
    assert len(loop._ready) == before  # type: ignore[attr-defined]  # the same
    await in_thread(lambda: box.put(frame(5)))
    assert (await reading).stamp == 5
    assert box.skipped == 5


async def test_last_frame_comes_before_the_error() -> None:
    """A camera that ends right after a frame loses nothing; then it fails as often as it is asked."""
    box = inbox()
    await in_thread(lambda: box.put(frame(1)), lambda: box.fail(LOST))
    assert (await box.read()).stamp == 1
    for _ in range(2):
        with pytest.raises(CameraError, match="gone"):
            await box.read()


async def test_bug_of_the_thread_is_raised() -> None:
    """What nobody expected reaches the reader as it is."""
    box = inbox()
    await in_thread(lambda: box.fail(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await box.read()


async def test_opening_fails_with_the_threads_error() -> None:
    """What keeps the source from being opened is raised where it is opened."""
    box = inbox()
    await in_thread(lambda: box.fail(LOST))
    with pytest.raises(CameraError, match="gone"):
        await box.wait_open(within=10)


async def test_source_that_ends_at_once_was_open() -> None:
    """A very short recording is shown before it ends."""
    box = inbox()
    end = CameraFinished("hall", "over")
    await in_thread(box.opened, lambda: box.put(frame(1)), lambda: box.fail(end))
    await box.wait_open(within=10)
    assert (await box.read()).stamp == 1
    with pytest.raises(CameraFinished):
        await box.read()


async def test_thread_that_hangs_is_noticed() -> None:
    """A driver that never comes back does not keep its reader for ever, neither at opening nor later."""
    box = inbox(patience=0.02)
    with pytest.raises(CameraError, match=r"no answer within 0.01 s"):
        await box.wait_open(within=0.01)
    with pytest.raises(CameraError, match=r"no picture for 0.02 s"):
        await box.read()


async def test_sign_of_life_gives_more_time() -> None:
    """A source that sends data without a whole picture yet is waited for."""
    box = inbox(patience=0.01)
    box._heard = time.monotonic() + 60.0
    reading = asyncio.create_task(box.read(), name="read")
    await asyncio.wait([reading], timeout=0.05)
    box.put(frame(3))
    assert (await reading).stamp == 3


def test_thread_may_outlive_the_loop() -> None:
    """Frames and errors that come after the loop was closed are nobody's concern."""

    async def made() -> Inbox:
        return inbox()

    box = asyncio.run(made())
    box.opened()
    box.put(frame(1))
    box.fail(LOST)
