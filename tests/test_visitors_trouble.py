"""Unknown people when something goes wrong: disks, clocks, restarts, and people who are enrolled meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.samples import left, visitors_secrets
from tests.support.porch import Porch, stranger
from tests.support.stand_ins import Oracle
from tests.support.values import answer
from tests.support.waiting import until
from uSense.core.errors import StorageError
from uSense.core.visitors import DAY, VisitorRules
from uSense.storage import Storage, open_storage
from uSense.visitors import WAITING


@contextlib.asynccontextmanager
async def full_disk(storage: Storage) -> AsyncIterator[None]:
    """Nothing can be written."""
    await storage.vault._database.look(lambda connection: connection.execute("PRAGMA query_only = ON"))
    try:
        yield
    finally:
        await storage.vault._database.look(lambda connection: connection.execute("PRAGMA query_only = OFF"))


async def test_an_ignored_visitor_who_is_somebody_is_not_ignored(storage: Storage) -> None:
    """As soon as the track is recognized it counts for presence; until then it does not."""
    porch = Porch(storage.visitors)
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    (visitor,) = porch.visiting.everybody()
    await porch.visiting.ignore(visitor.visitor_id, ignored=True)
    porch.show(stranger(0))
    (track,) = porch.scene.tracker.tracks
    assert porch.visiting.ignored(track)

    assert porch.show(stranger(0), ("anna", 0.8), looks=12)

    assert not porch.visiting.ignored(track)


async def test_ignoring_counts_for_who_is_in_sight(storage: Storage) -> None:
    """Somebody who stands there is not counted any more, and is counted again."""
    porch = Porch(storage.visitors)
    porch.visit(stranger(0))
    porch.show(stranger(0))
    (visitor,), (track,) = porch.visiting.everybody(), porch.scene.tracker.tracks

    await porch.visiting.ignore(visitor.visitor_id, ignored=True)
    assert porch.visiting.ignored(track)
    await porch.visiting.ignore(visitor.visitor_id, ignored=False)
    assert not porch.visiting.ignored(track)


async def test_visitors_that_could_not_be_read_are_read_later(storage: Storage) -> None:
    """A disk that does not answer at the start forgets nobody, and keeps nobody longer."""
    before = Porch(storage.visitors)
    before.visit(stranger(0))
    before.visit(stranger(0))
    await before.visiting.work()
    after = Porch(storage.visitors)
    load = storage.visitors.load
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(storage.visitors), "load", failing)
        await after.visiting.load()
    assert after.visiting.problems

    await after.visiting.work()

    assert len(after.visiting.everybody()) == len(await load()) == 1
    assert after.visiting.problems == {}


async def failing(_: object) -> None:
    """As a disk does that does not answer."""
    raise StorageError("the disk does not answer")


async def test_switched_off_erases_also_if_the_disk_was_full(storage: Storage) -> None:
    """What could not be erased at the start is erased when there is room again."""
    before = Porch(storage.visitors)
    before.visit(stranger(0))
    await before.visiting.work()
    off = Porch(storage.visitors, VisitorRules(enabled=False))
    async with full_disk(storage):
        await off.visiting.load()
        assert off.visiting.problems

    await off.visiting.work()

    assert await storage.visitors.load() == []


async def test_an_erasure_that_failed_is_tried_again_soon(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked is told that it failed, and the running service does it as soon as it can."""
    monkeypatch.setattr("uSense.visitors.AGAIN", 0.01)
    porch = Porch(storage.visitors)
    porch.visit(stranger(0))
    porch.visit(stranger(0))
    await porch.visiting.work()
    (visitor,) = porch.visiting.everybody()
    task = asyncio.create_task(porch.visiting.run())
    try:
        async with full_disk(storage):
            with pytest.raises(StorageError):
                await porch.visiting.delete(visitor.visitor_id)
        await until(lambda: porch.visiting._swept > 0)
    finally:
        task.cancel()
    assert await storage.visitors.load() == []


async def test_a_full_disk_fills_no_memory(storage: Storage) -> None:
    """Pictures wait for the disk only as long as the visit does."""
    porch = Porch(storage.visitors)
    async with full_disk(storage):
        for number in range(WAITING + 8):
            porch.visit(stranger(number % 16) * (1 + number // 16))
            await porch.visiting.work()

    waiting = [face for one in porch.visiting.book.visitors.values() for face in one.faces.values() if face.probe]
    assert len(porch.visiting.book.visitors) == WAITING + 8
    assert len(waiting) == WAITING


async def test_fewer_visitors_than_before_are_kept_from_the_start(storage: Storage) -> None:
    """A smaller `visitors.most` counts without a new visitor."""
    before = Porch(storage.visitors)
    for number in range(3):
        before.visit(stranger(number))
    await before.visiting.finish()
    after = Porch(storage.visitors, VisitorRules(most=1))

    await after.visiting.load()
    await after.visiting.work()

    assert len(after.visiting.book.visitors) == len(await storage.visitors.load()) == 1


async def test_who_was_seen_in_the_future_is_erased_in_time(storage: Storage) -> None:
    """A clock that was years ahead keeps nobody for years, also over restarts."""
    ahead = Porch(storage.visitors)
    ahead.wall += 4000 * DAY
    ahead.visit(stranger(0))
    ahead.visit(stranger(0))
    await ahead.visiting.finish()
    after = Porch(storage.visitors)
    await after.visiting.load()
    await after.visiting.work()
    assert len(after.visiting.everybody()) == 1

    (kept,) = await storage.visitors.load()

    assert kept.last_seen_at <= time.time()


async def test_who_was_enrolled_while_in_sight_is_no_candidate(storage: Storage) -> None:
    """Looks at somebody from before the training count for nothing."""
    oracle = Oracle(answer())
    porch = Porch(storage.visitors, oracle=oracle)
    porch.show(stranger(0))
    oracle.reply = answer(("anna", 0.8), ("bea", 0.2))
    porch.visiting.gallery_changed()
    await porch.visiting.work()

    porch.leave()

    assert porch.visiting.book.visitors == {}


async def test_traces_of_who_left_are_erased_after_a_power_cut(tmp_path: Path) -> None:
    """Dropped, and the power fails before the next sweep: the next start leaves nothing of them in any file."""
    folder, found = tmp_path / "data", tmp_path / "found"
    async with open_storage(folder) as storage:
        oracle = Oracle(answer())
        porch = Porch(storage.visitors, oracle=oracle)
        await porch.visiting.work()
        for number in range(16):
            porch.visit(stranger(number))
        await porch.visiting.work()
        secrets = visitors_secrets(folder)
        oracle.reply = answer(("anna", 0.8), ("bea", 0.2))
        porch.visiting.gallery_changed()
        await porch.visiting.work()
        assert porch.visiting.book.visitors == {}
        shutil.copytree(folder, found)

    async with open_storage(found) as storage:
        assert await storage.visitors.load() == []
        assert left(found, secrets) == []


async def test_a_damaged_rejection_stops_neither_writing_nor_forgetting(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be written and erased does not wait for what cannot be read."""
    porch = Porch(storage.visitors)
    porch.visit(stranger(0))
    monkeypatch.setattr(type(storage.visitors), "rejections", failing)

    await porch.visiting.work()

    assert porch.visiting.problems
    assert len(await storage.visitors.load()) == 1


async def test_a_merge_that_could_not_be_written_is_written_later(storage: Storage) -> None:
    """Whoever asked is told; on the disk they are two, or one with all pictures, but never anything between."""
    porch = Porch(storage.visitors)
    for number in (0, 0, 1, 1):
        porch.visit(stranger(number))
    await porch.visiting.work()
    second, first = (one.visitor_id for one in porch.visiting.everybody())

    async with full_disk(storage):
        with pytest.raises(StorageError):
            await porch.visiting.merge(first, second)
        assert len(await storage.visitors.load()) == 2
    await porch.visiting.work()

    (found,) = await storage.visitors.load()
    assert (found.visitor_id, len(await storage.visitors.crops(second))) == (second, 2)
