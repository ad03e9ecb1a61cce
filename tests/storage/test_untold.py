"""What a process did and died before it could tell: told late, once, and as far as it is known."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.storage.samples import DONE, MODEL, enroll, gallery_of, raw
from tests.storage.test_backups import read
from tests.storage.test_erasure import in_backups
from tests.support import contract
from uSense.core.errors import StorageError, StorageMendedError
from uSense.core.events import Notice
from uSense.core.models import Person
from uSense.core.receipts import ELSEWHERE
from uSense.storage import Storage, open_storage

FOR_EVER = 1e9


async def erased(storage: Storage, name: str = "Anna") -> Person:
    """Somebody with two faces who was erased, and nobody has told it."""
    person = await enroll(storage.vault, name, faces=2)
    await storage.vault.delete_person(person.person_id)
    return person


async def told(storage: Storage) -> list[Notice]:
    """What is told late now; it is in the journal then."""
    late = await storage.journal.recover()
    for notice in late:
        contract.check(notice)
        await storage.journal.append(notice)
    return late


async def waiting(storage: Storage) -> list[tuple[str, object]]:
    """Kind and person of what waits for the broker."""
    return [(notice.type, notice.data.get("person_id")) for _, notice in await storage.journal.pending(20)]


async def test_a_training_is_told_late(folder: Path) -> None:
    """A process dies between a training and its notice: the next one finds out and tells it, once."""
    async with open_storage(folder) as storage:
        bert = await storage.vault.create_person("Bert")
        trained = await storage.vault.save_gallery(gallery_of(bert, rows=2), model=MODEL, report=DONE)

    async with open_storage(folder) as storage:
        late = await told(storage)
        nothing = await storage.journal.recover()

    assert [(notice.type, notice.lasting) for notice in late] == [("train.finished", True)]
    assert (late[0].data["state"], late[0].data["gallery"]) == ("succeeded", trained.gallery)
    assert nothing == []


async def test_an_erasure_is_told_late(folder: Path) -> None:
    """With its time, what was erased, and without the number of backups, which is not known any more; once."""
    async with open_storage(folder) as storage:
        anna = await erased(storage)

    async with open_storage(folder) as storage:
        (late,) = await told(storage)
        assert await storage.journal.recover() == []
    async with open_storage(folder) as storage:
        assert await storage.journal.recover() == []
        assert await waiting(storage) == [("person.erased", anna.person_id)]

    at = datetime.fromisoformat(late.data["at"])
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    assert {name: late.data[name] for name in ("person_id", "erased", "left")} == {
        "person_id": anna.person_id,
        "erased": {"faces": 2, "templates": 2, "crops": 0, "galleries": 0, "notices": 0, "backups": None},
        "left": [ELSEWHERE],
    }
    assert late.lasting


async def test_a_late_receipt_tells_what_is_left_now(folder: Path) -> None:
    """Backups that cannot be opened are looked for when it is told."""
    async with open_storage(folder) as storage:
        await erased(storage)
    (folder / "backups").mkdir(exist_ok=True)
    await asyncio.to_thread((folder / "backups" / "asked-0.usense").write_bytes, b"no backup")

    async with open_storage(folder) as storage:
        (late,) = await told(storage)

    unopened, elsewhere = late.data["left"]
    assert unopened.startswith("backups/asked-0.usense: it cannot be opened")
    assert elsewhere == ELSEWHERE


async def test_a_merge_is_told_late(folder: Path) -> None:
    """Who is gone, into whom, and how many faces they have together."""
    async with open_storage(folder) as storage:
        anna, bert = await enroll(storage.vault, "Anna", faces=2), await enroll(storage.vault, "Bert", faces=1)
        await storage.vault.merge_people(anna.person_id, bert.person_id)

    async with open_storage(folder) as storage:
        (late,) = await told(storage)

    about = {name: fact for name, fact in late.data.items() if name != "at"}
    assert late.type == "person.merged"
    assert about == {"person_id": anna.person_id, "into": bert.person_id, "faces": 3}


async def test_a_merge_into_somebody_erased_is_not_told(storage: Storage) -> None:
    """It would keep the id of who is to be forgotten; nor is it when the process that merged them tells it at last."""
    anna, bert = await enroll(storage.vault, "Anna"), await enroll(storage.vault, "Bert")
    await storage.vault.merge_people(anna.person_id, bert.person_id)
    await storage.vault.delete_person(bert.person_id)

    merged = {"person_id": anna.person_id, "into": bert.person_id, "faces": 2}
    await storage.journal.append(Notice("person.merged", merged, lasting=True))

    assert [notice.type for notice in await told(storage)] == ["person.erased"]
    assert await waiting(storage) == [("person.erased", bert.person_id)]


async def test_a_process_that_is_only_slow_does_not_tell_it_again(folder: Path) -> None:
    """Whoever puts the receipt into the journal first tells it, whatever the other believes."""
    async with open_storage(folder) as slow, open_storage(folder) as service:
        anna = await erased(slow)
        await told(service)
        await slow.journal.append(Notice("person.erased", {"person_id": anna.person_id}, lasting=True))

        assert await waiting(service) == [("person.erased", anna.person_id)]


async def test_who_erased_tells_it_if_there_is_time(folder: Path) -> None:
    """A service leaves it to a living process for a while."""
    async with open_storage(folder) as slow, open_storage(folder) as service:
        anna = await erased(slow)
        assert await service.journal.recover(FOR_EVER) == []
        await slow.journal.append(Notice("person.erased", {"person_id": anna.person_id, "left": []}, lasting=True))

        assert await service.journal.recover() == []
        assert await waiting(service) == [("person.erased", anna.person_id)]


async def test_what_this_process_could_not_save_it_does_not_tell_late(folder: Path) -> None:
    """Such a notice is sent all the same; only another process, which cannot know, tells it again."""
    async with open_storage(folder, wait=0.05) as storage, open_storage(folder) as other:
        anna = await erased(storage)
        await other.vault._database.look(lambda connection: connection.execute("BEGIN IMMEDIATE"))
        with pytest.raises(StorageError):
            await storage.journal.append(Notice("person.erased", {"person_id": anna.person_id}, lasting=True))
        await other.vault._database.look(lambda connection: connection.execute("ROLLBACK"))

        assert await storage.journal.recover() == []
        assert len(await other.journal.recover()) == 1


async def test_a_receipt_of_elsewhere_is_told(storage: Storage) -> None:
    """Of somebody whom this data folder never knew there is no account, and none is needed."""
    await storage.journal.append(Notice("person.erased", {"person_id": "azure-1"}, lasting=True))

    assert await waiting(storage) == [("person.erased", "azure-1")]


async def test_a_restore_neither_repeats_nor_loses_it(storage: Storage) -> None:
    """What is pending stays so, and what was pending when the backup was made does not come back."""
    anna = await erased(storage)
    await enroll(storage.vault, "Bert")
    backup = await storage.archive.keep("asked")
    await told(storage)
    cleo = await erased(storage, "Cleo")

    await storage.archive.restore(await read(backup.path), None)

    assert [notice.data["person_id"] for notice in await told(storage)] == [cleo.person_id]
    assert await waiting(storage) == [("person.erased", anna.person_id), ("person.erased", cleo.person_id)]


async def test_a_damaged_database_does_not_lose_it(folder: Path) -> None:
    """The database that takes its place tells it, and the backups are freed of who was erased before that."""
    old = folder.with_name("old")
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        await enroll(storage.vault, "Bert")
        await storage.archive.keep("auto")
        await asyncio.to_thread(shutil.copytree, folder / "backups", old)
        await storage.vault.delete_person(anna.person_id)
        await storage.vault._database.write(
            lambda connection: connection.execute("UPDATE persons SET name = CAST(x'ff41' AS TEXT)")
        )
    await asyncio.to_thread(shutil.copytree, old, folder / "backups", dirs_exist_ok=True)

    async with open_storage(folder, mend=True) as storage:
        (late,) = await told(storage)
    async with open_storage(folder, mend=True) as storage:
        assert [person.name for person in await storage.vault.people()] == ["Bert"]

    assert (late.type, late.data["person_id"]) == ("person.erased", anna.person_id)
    damaged, elsewhere = late.data["left"]
    assert damaged.endswith("what was damaged; delete it if it is not needed")
    assert elsewhere == ELSEWHERE
    assert await in_backups(folder) == [{"Bert"}]


@pytest.mark.parametrize(("right", "wrong"), [("faces", "fades"), ("person_id", "person_ie"), ("{", "[")])
async def test_what_cannot_be_read_of_it_is_damage(folder: Path, right: str, wrong: str) -> None:
    """It is not told, ends nothing, and does not spoil the next database as well."""
    async with open_storage(folder) as storage:
        await erased(storage)
    with raw(folder) as connection:
        connection.execute("UPDATE untold SET about = replace(about, ?, ?)", (right, wrong))

    async with open_storage(folder, mend=True) as storage:
        for _ in range(2):
            with pytest.raises(StorageMendedError):
                await storage.journal.recover()
        assert await storage.journal.recover() == []
