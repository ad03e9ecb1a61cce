"""Served groups in backups, after restores and after damage."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.storage.samples import MODEL, enroll, raw, vectors
from tests.storage.test_backups import LOCK, SECRET, changed, put, read
from tests.storage.test_groups import PICTURE, company, everything
from tests.storage.test_healing import flip
from tests.support.groups import LARGE, USERS, add_person, loaded, make_group, train_group
from uSense.core.errors import NotFoundError, RequestError, StorageError
from uSense.storage import Storage, open_storage


async def test_a_backup_brings_groups_back(folder: Path, tmp_path: Path) -> None:
    """Here, where they were changed since, and on another machine, where there were other ones; a client finds all."""
    async with open_storage(folder) as storage:
        first, *_ = await company(storage)
        before = await everything(storage)
        await storage.archive.write(tmp_path / "file", SECRET)
        await storage.groups.update_person(USERS, first, name="Somebody else")
        await add_person(storage.groups, "late", 1)
        await train_group(storage.groups)
        await company(storage, 1, LARGE)

        back = await storage.archive.restore(await read(tmp_path / "file"), LOCK)

        assert await everything(storage) == before
        assert await storage.groups.groups("largepersongroups") == []
        assert (back.people, back.gone, back.erased) == ((), (), 0)
        (kept,) = (folder / "backups").iterdir()
        await storage.archive.restore(await read(kept), None)
        assert (await storage.groups.person(USERS, first)).name == "Somebody else"
    async with open_storage(tmp_path / "other") as storage:
        await company(storage, 1)
        await storage.archive.restore(await read(tmp_path / "file"), LOCK)
        assert await everything(storage) == before


async def test_a_restore_does_not_bring_back_an_erased_person(folder: Path, tmp_path: Path) -> None:
    """Here, nor where only a later backup told of it; the others come back, and the gallery without them."""
    async with open_storage(folder) as storage:
        first, second, third = await company(storage)
        await storage.archive.write(tmp_path / "old", SECRET)
        await storage.groups.delete_person(USERS, first)
        await storage.archive.write(tmp_path / "new", SECRET)

        back = await storage.archive.restore(await read(tmp_path / "old"), LOCK)

        assert back.erased == 1
        assert [person.person_id for person in await storage.groups.persons(USERS)] == [second, third]
        assert set((await loaded(storage.groups)).person_ids) == {second, third}
        assert len(await storage.groups.templates(USERS, MODEL)) == 4
    async with open_storage(tmp_path / "other") as storage:
        await storage.archive.restore(await read(tmp_path / "new"), LOCK)
        assert (await storage.archive.restore(await read(tmp_path / "old"), LOCK)).erased == 1
        with pytest.raises(NotFoundError):
            await storage.groups.person(USERS, first)


async def test_a_restore_does_not_bring_back_an_erased_group(storage: Storage, tmp_path: Path) -> None:
    """Nobody of it; another one made since under its id is not taken for it."""
    await company(storage)
    await storage.archive.write(tmp_path / "old", SECRET)
    await storage.groups.delete_group(USERS)
    await make_group(storage.groups)
    anna = await add_person(storage.groups, "Anna")
    await storage.archive.write(tmp_path / "new", SECRET)

    back = await storage.archive.restore(await read(tmp_path / "old"), LOCK)

    assert back.erased == 3
    assert await storage.groups.groups("persongroups") == []
    await storage.archive.restore(await read(tmp_path / "new"), LOCK)
    assert await storage.groups.persons(USERS) == [anna]


async def test_the_people_of_the_house_and_of_groups_are_erased_apart(storage: Storage, tmp_path: Path) -> None:
    """A tombstone of one kind is of nobody of the other, and both are honored by one restore."""
    anna, bert = await enroll(storage.vault, "Anna"), await enroll(storage.vault, "Bert")
    first, second, third = await company(storage)
    await storage.archive.write(tmp_path / "old", SECRET)
    await storage.vault.delete_person(anna.person_id)
    await storage.groups.delete_person(USERS, second)

    back = await storage.archive.restore(await read(tmp_path / "old"), LOCK)

    assert (back.people, back.erased) == (("Bert",), 2)
    assert [person.person_id for person in await storage.vault.people()] == [bert.person_id]
    assert [person.person_id for person in await storage.groups.persons(USERS)] == [first, third]


async def test_a_backup_is_freed_of_many_at_little_cost(folder: Path) -> None:
    """All erased served persons share a salt, so that each person of a backup is hashed once; people have their own."""
    async with open_storage(folder) as storage:
        for person in [await enroll(storage.vault, name) for name in ("Anna", "Bert")]:
            await storage.vault.delete_person(person.person_id)
        for person_id in await company(storage):
            await storage.groups.delete_person(USERS, person_id)
        await storage.groups.delete_group(USERS)
    with raw(folder) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT salt) FROM tombstones").fetchone() == (6, 3)


async def test_a_backup_with_a_damaged_served_face_changes_nothing(storage: Storage, tmp_path: Path) -> None:
    """Whatever of it: template, crop, part of the gallery or key."""
    await company(storage)
    before = await everything(storage)
    await storage.archive.write(tmp_path / "file", SECRET)
    plain = (await read(tmp_path / "file")).plain(LOCK)
    for table, column in (("templates", "vectors"), ("faces", "crop"), ("parts", "vectors"), ("persons", "key")):
        statement = f"UPDATE served_{table} SET {column} = x'00' WHERE number = 1"  # noqa: S608 - the names are ours
        await put(tmp_path / "changed", plain[:32] + changed(plain[32:], statement))
        with pytest.raises(RequestError, match=r"the faces in .* are damaged"):
            await storage.archive.restore(await read(tmp_path / "changed"), LOCK)
        assert await everything(storage) == before


async def test_groups_alone_are_backed_up_and_need_the_key(folder: Path) -> None:
    """An automatic backup is due, what a restore replaces is kept, and no other key file is made."""
    async with open_storage(folder) as storage:
        await make_group(storage.groups)
        assert not await storage.archive.due(time.time())
        await add_person(storage.groups, "Anna")
        assert await storage.archive.due(time.time())
        made = await storage.archive.keep("auto")
        assert not await storage.archive.due(time.time())
        await storage.archive.restore(await read(made.path), None)
        assert len(list((folder / "backups").glob("asked-*"))) == 1
    for path in (folder / "backups").iterdir():
        path.unlink()
    (folder / "key").unlink()
    with pytest.raises(StorageError, match=r"the key file .* is missing, without it the stored faces cannot be read"):
        async with open_storage(folder):
            pass


@pytest.mark.parametrize(
    ("statement", "harmed", "refilled"),
    [
        ("UPDATE served_templates SET vectors = flipped(vectors)", 4, 6),
        ("UPDATE served_faces SET crop = flipped(crop) WHERE crop IS NOT NULL", 3, 6),
        ("UPDATE served_parts SET vectors = x''", 3, 3),
        ("UPDATE served_persons SET key = flipped(key)", 4, 15),
    ],
)
async def test_a_start_goes_on_with_what_is_sound(folder: Path, statement: str, harmed: int, refilled: int) -> None:
    """Damaged parts come back from the backup if it has them; a notice tells it once, without the clients' names."""
    async with open_storage(folder) as storage:
        await company(storage)
        before = await everything(storage)
        await storage.archive.keep("auto")
        late = await add_person(storage.groups, "late", 1)
    flip(folder, statement)

    for _ in range(2):
        async with open_storage(folder, mend=True) as storage:
            notices = [notice for _, notice in await storage.journal.pending(9)]
            kept = await storage.groups.templates(USERS, MODEL, late.person_id)
            assert await storage.groups.person(USERS, late.person_id) == late
    async with open_storage(folder) as storage:
        await storage.groups.delete_person(USERS, late.person_id)
        assert await everything(storage) == before

    assert len(kept) == (harmed == 3)
    (notice,) = notices
    assert (notice.type, notice.data["people"]) == ("storage.healed", [])
    assert (notice.data["served"], notice.data["refilled"]) == (harmed, refilled)


async def test_what_no_backup_has_is_made_of_the_crop_or_added_again(folder: Path) -> None:
    """A template that is lost is among those to be renewed, and who lost their key takes new faces."""
    async with open_storage(folder) as storage:
        await company(storage)
    flip(folder, "UPDATE served_templates SET vectors = flipped(vectors) WHERE number = 1")

    async with open_storage(folder, mend=True) as storage:
        (place,) = await storage.groups.lacking(MODEL)
        assert await storage.groups.crop(place) == PICTURE
    flip(folder, "UPDATE served_persons SET key = x'00'")
    async with open_storage(folder, mend=True) as storage:
        assert (await loaded(storage.groups)).person_ids == ()
        assert await storage.groups.templates(USERS, MODEL) == []
        await add_person(storage.groups, "new", 1)
        for person in await storage.groups.persons(USERS):
            await storage.groups.add_face(USERS, person.person_id, MODEL, list(vectors()))
        await train_group(storage.groups)
        assert len((await loaded(storage.groups)).person_ids) == 4


async def test_a_dropped_crop_does_not_come_back_by_healing(folder: Path) -> None:
    """Only what was found damaged is taken from a backup."""
    async with open_storage(folder) as storage:
        await company(storage)
        await storage.archive.keep("auto")
        await storage.vault.drop_crops()
    flip(folder, "UPDATE served_templates SET vectors = flipped(vectors)")

    async with open_storage(folder, mend=True) as storage:
        assert len(await storage.groups.templates(USERS, MODEL)) == 6
        assert await storage.groups.lacking("another") == []


async def test_a_lost_database_begins_with_the_groups_of_the_backup(folder: Path) -> None:
    """But for who was erased since."""
    async with open_storage(folder) as storage:
        first, second, third = await company(storage)
        await storage.archive.keep("auto")
        await storage.groups.delete_person(USERS, first)
    await asyncio.to_thread((folder / "usense.sqlite3").write_bytes, b"letter" * 9000)
    (folder / "usense.sqlite3-wal").unlink(missing_ok=True)

    async with open_storage(folder, mend=True) as storage:
        assert [person.person_id for person in await storage.groups.persons(USERS)] == [second, third]
    with raw(folder) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
