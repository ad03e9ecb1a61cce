"""Lasting notices on disk: in order, bounded, and there again after a restart."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uSense.core.events import Notice
from uSense.storage import Storage, open_storage
from uSense.storage.journal import JOURNAL_BOUND

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def erased(name: str) -> Notice:
    """A notice as the erasure of a person posts it."""
    return Notice("person.erased", {"name": name, "files": ["key", "faces"], "count": 3}, lasting=True)


async def test_notices_wait_in_order(storage: Storage) -> None:
    """The oldest come first, with growing numbers, at most as many as asked for."""
    numbers = [await storage.journal.append(erased(name)) for name in ("Anna", "Bert", "Zoë")]

    assert numbers == sorted(set(numbers))
    assert await storage.journal.pending(2) == [(numbers[0], erased("Anna")), (numbers[1], erased("Bert"))]
    assert await storage.journal.pending(9) == list(
        zip(numbers, (erased("Anna"), erased("Bert"), erased("Zoë")), strict=True)
    )


async def test_what_the_broker_has_is_deleted(storage: Storage) -> None:
    """`done` removes one notice; doing it twice, or for a number that never was, is harmless."""
    first = await storage.journal.append(erased("Anna"))
    second = await storage.journal.append(erased("Bert"))

    for number in (first, first, 999):
        await storage.journal.done(number)

    assert await storage.journal.pending(9) == [(second, erased("Bert"))]


async def test_notices_survive_a_restart_and_numbers_are_not_used_twice(folder: Path) -> None:
    """What was not done is there again; a number never comes back, even when all notices are done."""
    async with open_storage(folder) as storage:
        first = await storage.journal.append(erased("Anna"))
        second = await storage.journal.append(erased("Bert"))
        await storage.journal.done(second)
    async with open_storage(folder) as storage:
        assert await storage.journal.pending(9) == [(first, erased("Anna"))]
        await storage.journal.done(first)
        assert await storage.journal.append(erased("Cleo")) > second


async def test_when_full_the_oldest_leave_and_are_counted(storage: Storage) -> None:
    """10,000 notices are kept; each one more drops the oldest, and `dropped` counts it."""
    first = await storage.journal.append(erased("Anna"))
    await storage.vault._database.write(
        lambda connection: connection.executemany(
            "INSERT INTO notices (type, data) VALUES ('filler', ?)",
            ((f'{{"n": {n}}}',) for n in range(JOURNAL_BOUND - 1)),
        )
    )
    assert (await storage.journal.pending(1))[0][0] == first

    last = [await storage.journal.append(erased(f"Person {n}")) for n in range(3)]

    waiting = await storage.journal.pending(JOURNAL_BOUND + 10)
    assert storage.journal.dropped == 3
    assert len(waiting) == JOURNAL_BOUND == 10_000
    assert [number for number, _ in waiting[-3:]] == last
    assert waiting[0][1] == Notice("filler", {"n": 2}, lasting=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(data=st.dictionaries(st.text(), JSON, max_size=4))
async def test_any_json_comes_back(storage: Storage, data: dict[str, object]) -> None:
    """Whatever JSON a notice carries is the same when it is read, broken Unicode included."""
    number = await storage.journal.append(Notice("test", data, lasting=True))

    ((found, notice),) = await storage.journal.pending(5)
    await storage.journal.done(number)

    assert (found, dict(notice.data)) == (number, data)
