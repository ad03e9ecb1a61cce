"""What happened, on disk: bounded, and gone with whom it is about."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.storage.samples import enroll, left, raw
from tests.storage.test_visitors import visitor
from uSense.core.history import Happening, Kind
from uSense.storage import Storage, backups, container

BORN = 100.0


def of(person_id: str | None, at: float = BORN, visitor_id: str | None = None) -> Happening:
    """Somebody was seen."""
    return Happening(at, Kind.SEEN, "hall", person_id, visitor_id, "why")


async def test_rows_come_back_as_they_were(storage: Storage) -> None:
    """In the order in which they were kept; those of a newer uSense are passed over."""
    anna = await enroll(storage.vault, "Anna")
    rows = [of(anna.person_id, 200.0), Happening(150.0, Kind.CAMERA_LOST, "door", detail="no route")]
    await storage.happenings.keep(rows, 0, 100)
    with raw(storage.folder) as connection:
        connection.execute("INSERT INTO happenings (at, kind, camera, detail) VALUES (1, 'danced', '', '')")

    assert await storage.happenings.load() == rows


async def test_the_oldest_leave(storage: Storage) -> None:
    """What is older than it may be, and the oldest of too many."""
    await storage.happenings.keep([of(None, float(at)) for at in range(10)], 3.0, 100)
    assert [one.at for one in await storage.happenings.load()] == [3, 4, 5, 6, 7, 8, 9]

    await storage.happenings.keep([of(None, 10.0)], 0, 4)
    assert [one.at for one in await storage.happenings.load()] == [7, 8, 9, 10]


async def test_they_leave_with_whom_they_are_about(storage: Storage, folder: Path) -> None:
    """An erased person's and visitor's rows are gone without a trace, and are not kept when they come late."""
    anna, bea = await enroll(storage.vault, "Anna"), await enroll(storage.vault, "Bea", seed=1)
    await storage.visitors.keep([visitor("v1")], [])
    of_anna = Happening(BORN, Kind.SEEN, "hall", anna.person_id, None, "why Anna")
    rows = [of_anna, of(bea.person_id), of(None, visitor_id="v1"), of(None)]
    await storage.happenings.keep(rows, 0, 100)

    await storage.vault.delete_person(anna.person_id)
    await storage.visitors.erase(["v1"])
    await storage.happenings.keep([of(anna.person_id), of(None, 300.0, "v1")], 0, 100)

    assert await storage.happenings.load() == [of(bea.person_id), of(None), of(None, 300.0)]
    assert left(folder, [b"why Anna"]) == []


async def test_they_become_those_of_the_person_somebody_is_merged_into(storage: Storage) -> None:
    """What happened to one happened to the other."""
    anna, bea = await enroll(storage.vault, "Anna"), await enroll(storage.vault, "Bea", seed=1)
    await storage.happenings.keep([of(anna.person_id)], 0, 100)

    await storage.vault.merge_people(anna.person_id, bea.person_id)

    assert await storage.happenings.load() == [of(bea.person_id)]


async def test_they_are_in_no_backup(storage: Storage, tmp_path: Path) -> None:
    """What is kept for days needs none; a restore leaves what is there."""
    await storage.happenings.keep([of(None)], 0, 100)
    await storage.archive.write(tmp_path / "file", None)
    sealed = await asyncio.to_thread(container.read, tmp_path / "file", backups.KIND, backups.FORMAT)
    await storage.archive.restore(sealed, None)

    assert b"why" not in sealed.plain(storage.archive._kept.lock)
    assert await storage.happenings.load() == [of(None)]
