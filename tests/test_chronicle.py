"""What is remembered of all that is told, and when it is written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.mqtt import sighting
from tests.support.shelf import Shelf
from tests.support.waiting import until
from uSense.chronicle import BATCH, Chronicle, forget
from uSense.core.events import Notice, SightingType, State
from uSense.core.history import DAY, TRUSTED, Happening, Kind, Wanted
from uSense.storage import Storage


@asynccontextmanager
async def running(chronicle: Chronicle) -> AsyncIterator[None]:
    """Let it read and write."""
    task = asyncio.create_task(chronicle.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    yield
    task.cancel()
    await asyncio.wait([task])


def kinds(chronicle: Chronicle) -> list[str]:
    """What is remembered, oldest first."""
    return [one.kind.value for one in reversed(chronicle.history.latest(Wanted(), 999))]


def people(**names: str) -> State:
    """Everybody who is enrolled, ids by name."""
    return State("people", [{"person_id": person_id, "name": name} for name, person_id in names.items()])


async def test_everything_worth_knowing_is_remembered() -> None:
    """Sightings of all three kinds, who came and left, cameras and trainings; nothing else, and no name."""
    chronicle = Chronicle(Shelf(), 7)
    anna: dict[str, Any] = {"person_id": "a", "name": "Anna", "camera": "hall"}
    for event in (
        sighting(1, "Anna", person_id="a"),
        sighting(2, None, visitor_id="v1"),
        sighting(3, "Anna", person_id="a", type=SightingType.CHANGED),
        Notice("person.arrived", anna),
        Notice("person.left", {**anna, "reason": "gone"}),
        Notice("camera.lost", {"camera": "hall", "reason": "no route"}),
        Notice("camera.back", {"camera": "hall"}),
        Notice("train.finished", {"state": "succeeded", "persons": 2, "faces": 9}),
        Notice("train.finished", {"state": "failed", "message": "Anna has no face"}),
        Notice("enroll.progress", anna),
        State("house", {"names": ["Anna"]}),
    ):
        chronicle.hear(event)

    assert kinds(chronicle) == [
        "seen", "unknown", "corrected", "arrived", "left", "camera_lost", "camera_back", "trained", "training_failed",
    ]  # fmt: skip
    assert "Anna" not in repr(chronicle.history.unsaved)
    assert "no route" in repr(chronicle.history.unsaved)


async def test_who_is_gone_is_forgotten_but_their_name_is_known() -> None:
    """An erased person's rows go at once; bug reports can still leave out the name."""
    chronicle = Chronicle(Shelf(), 7)
    chronicle.hear(people(Anna="a", Bea="b"))
    chronicle.hear(sighting(1, "Anna", person_id="a"))
    chronicle.hear(sighting(2, None, visitor_id="v1"))
    chronicle.hear(Notice("visitor.expired", {"visitor_id": "v1", "reason": "deleted"}))
    chronicle.hear(Notice("person.merged", {"person_id": "a", "into": "b", "faces": 3}))
    chronicle.hear(people(Beate="b"))

    assert [one.person_id for one in chronicle.history.latest(Wanted(), 9)] == ["b"]
    chronicle.hear(people())
    assert kinds(chronicle) == []
    assert set(chronicle.names) == {"Anna", "Bea", "Beate"}


async def test_the_card_is_spared() -> None:
    """So many happenings are one writing, and the rest is written at the end; a restart finds all of it."""
    shelf = Shelf()
    chronicle = Chronicle(shelf, 7)
    async with running(chronicle):
        for seq in range(BATCH + 5):
            chronicle.hear(sighting(seq))
        await until(lambda: shelf.writings)
        for seq in range(5):
            chronicle.hear(sighting(seq))
        await chronicle.finish()
        await chronicle.finish()

    assert shelf.writings == 2
    assert len(shelf.rows) == BATCH + 10

    again = Chronicle(shelf, 7)
    again.hear(people())
    async with running(again):
        assert len(again.history.latest(Wanted(), 999)) == 0, "nobody of them is enrolled any more"


async def test_a_full_disk_costs_nothing_but_the_memory_of_a_restart() -> None:
    """It is a problem in health, the pages still know, and all of it is written when there is room."""
    shelf = Shelf()
    shelf.problem = "the disk is full"
    chronicle = Chronicle(shelf, 7)
    async with running(chronicle):
        chronicle.hear(sighting(1))
        await chronicle.finish()
        assert chronicle.problems == {"history": "the disk is full"}
        assert kinds(chronicle) == ["seen"]

        shelf.problem = ""
        await chronicle.finish()
        assert chronicle.problems == {}
        assert len(shelf.rows) == 1


async def test_a_jump_of_the_clock_costs_nothing() -> None:
    """What is too old by it leaves, in memory and on the disk, when it has gone evenly for an hour."""
    shelf, wall, steady = Shelf(), 1_700_000_000.0, 50.0
    keeper = Chronicle(shelf, 7, lambda: wall + steady, lambda: steady)
    kept = []
    for jump in (0.0, 40 * DAY, 0.0):
        wall, steady = wall + jump, steady + 2 * TRUSTED
        keeper.hear(Notice("camera.lost", {"camera": "hall"}))
        await keeper.finish()
        kept.append((len(shelf.rows), len(kinds(keeper))))

    assert kept == [(1, 1), (2, 2), (2, 2)]


async def test_reports_of_health_become_vital_signs() -> None:
    """Numbers a second need two of them."""
    chronicle = Chronicle(Shelf(), 7)
    for cpu_s in (1.0, 2.0):
        chronicle.hear(State("health", {"cpu_s": cpu_s, "memory_mb": 99.0}))

    assert [value for _, value in chronicle.vitals.of("memory", time.time() - 60)] == [99.0, 99.0]
    assert chronicle.vitals.of("processor", 0)[1][1] > 0


async def test_without_pages_nothing_is_remembered(storage: Storage) -> None:
    """What was kept while there were some is erased at the next start; a disk that is full hinders no start."""
    await storage.happenings.keep([Happening(time.time() + 9, Kind.SEEN, "hall")], 0, 9)

    await forget(storage.happenings)

    assert await storage.happenings.load() == []
    broken = Shelf()
    broken.problem = "the disk is full"
    await forget(broken)
