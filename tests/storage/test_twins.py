"""Twins in SQLite, beyond what every `Twins` must do: nothing at a cloud is forgotten, and nobody comes back."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.storage.processes import crashed
from tests.storage.samples import DONE, MODEL, enroll, find, left, raw, vectors
from tests.storage.test_backups import LOCK, SECRET, read
from uSense.core.errors import StorageDamagedError
from uSense.core.models import Person, Training
from uSense.storage import Storage, open_storage

HOUSE = "face.example/persongroups/house"
OTHER = "face.example/persongroups/other"


async def linked(storage: Storage, name: str, account: str = HOUSE) -> Person:
    """A person with two faces, all linked: `remote NAME`, `remote NAME 0` and `remote NAME 1`."""
    person = await enroll(storage.vault, name, 2)
    await link(storage, person, f"remote {name}", account)
    return person


async def link(storage: Storage, person: Person, remote: str, account: str = HOUSE) -> None:
    """Link a person and their faces."""
    await storage.twins.link_person(account, person.person_id, remote, f"{person.name} at the cloud")
    for number, face_id in enumerate(person.face_ids):
        await storage.twins.link_face(account, person.person_id, face_id, f"{remote} {number}")


async def known(storage: Storage, account: str = HOUSE) -> tuple[list[str], list[str], list[str]]:
    """Remote ids of persons, of faces, and of orphans."""
    twins = storage.twins
    return (
        [one.remote_id for one in await twins.people(account)],
        [one.remote_id for one in await twins.faces(account)],
        await twins.orphans(account),
    )


def faces(*names: str) -> list[str]:
    """Remote ids of the faces of these."""
    return [f"remote {name} {number}" for name in names for number in range(2)]


async def test_everything_survives_a_restart(folder: Path) -> None:
    """Links, what is trained, the report, notes and orphans."""

    async def everything(storage: Storage) -> object:
        twins = storage.twins
        listed = await twins.people(HOUSE), await twins.faces(HOUSE), await twins.orphans(HOUSE)
        return *listed, await twins.report(HOUSE), await twins.noted(HOUSE, "calls")

    async with open_storage(folder) as storage:
        await linked(storage, "Anna")
        await storage.twins.trained(HOUSE, 3, DONE)
        await storage.vault.delete_person((await linked(storage, "Bert")).person_id)
        await storage.twins.note(HOUSE, "calls", "17")
        before = await everything(storage)
    async with open_storage(folder) as storage:
        assert await everything(storage) == before


@pytest.mark.slow
@pytest.mark.parametrize("work", ["delete", "merge"])
@pytest.mark.parametrize("killer", ["statement", "tick"])
async def test_who_leaves_leaves_an_orphan_in_the_same_transaction(folder: Path, work: str, killer: str) -> None:
    """Killed anywhere: the person is linked, or gone and an orphan; never neither, never both."""
    async with open_storage(folder) as storage:
        for name in ("Anna", "Bert"):
            await linked(storage, name)

    *killed, survived = crashed(folder, work, killer)

    gone = 0
    for copy in (*killed, survived):
        async with open_storage(copy) as storage:
            there = [person.name for person in await storage.vault.people()]
            if "Anna" in there:
                assert await known(storage) == (["remote Anna", "remote Bert"], faces("Anna", "Bert"), [])
            else:
                assert await known(storage) == (["remote Bert"], faces("Bert"), ["remote Anna"])
                gone += 1
        with raw(copy) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert gone > 0


async def test_of_an_erased_person_only_the_orphan_is_left(folder: Path) -> None:
    """Neither the name there, nor ids of faces, in any file or backup; the remote id goes when it is buried."""
    async with open_storage(folder) as storage:
        anna, _ = await linked(storage, "Anna"), await linked(storage, "Bert")
        report = Training("succeeded", message="Anna has few faces")
        await storage.twins.trained(HOUSE, 1, report)
        await storage.archive.keep("auto")
        wanted = [b"Anna at the cloud", b"remote Anna 0", b"remote Anna 1", b"Anna has few faces"]
        assert left(folder, wanted) == wanted
        await storage.vault.delete_person(anna.person_id)

        assert not left(folder, wanted)
        kept = await storage.twins.report(HOUSE)
        await storage.twins.buried(HOUSE, "remote Anna")
    assert kept is not None
    assert kept.message == "(erased) has few faces"
    assert not left(folder, [b"remote Anna"])


async def test_a_backup_brings_twins_to_another_machine(folder: Path, tmp_path: Path) -> None:
    """With notes, report and orphans: the cloud is the same."""
    async with open_storage(folder) as storage:
        await linked(storage, "Anna")
        await linked(storage, "Cleo", OTHER)
        bert = await linked(storage, "Bert")
        await storage.vault.delete_person(bert.person_id)
        await storage.twins.trained(HOUSE, 3, DONE)
        await storage.twins.note(HOUSE, "calls", "17")
        before = await known(storage), await known(storage, OTHER)
        trained = await storage.twins.faces(HOUSE)
        await storage.archive.write(tmp_path / "file", SECRET)
    async with open_storage(tmp_path / "other") as storage:
        await storage.archive.restore(await read(tmp_path / "file"), LOCK)
        assert (await known(storage), await known(storage, OTHER)) == before
        assert await storage.twins.faces(HOUSE) == trained
        assert (await storage.twins.report(HOUSE), await storage.twins.noted(HOUSE, "calls")) == (
            Training("succeeded", 3, 2, 3, 0.5, 1e9, "well separated"),
            "17",
        )


async def test_a_restore_does_not_bring_back_the_twins_of_who_was_erased(folder: Path, tmp_path: Path) -> None:
    """On another machine, whose tombstones know better than the backup, they are orphans."""
    async with open_storage(folder) as storage:
        anna, _ = await linked(storage, "Anna"), await linked(storage, "Bert")
        await storage.archive.write(tmp_path / "old", SECRET)
        await storage.vault.delete_person(anna.person_id)
        await storage.twins.buried(HOUSE, "remote Anna")
        await storage.archive.write(tmp_path / "new", SECRET)
        await storage.archive.restore(await read(tmp_path / "old"), LOCK)
        assert await known(storage) == (["remote Bert"], faces("Bert"), [])
    async with open_storage(tmp_path / "third") as storage:
        await storage.archive.restore(await read(tmp_path / "new"), LOCK)
        await storage.twins.unlink_person(HOUSE, (await storage.vault.people())[0].person_id)
        await storage.archive.restore(await read(tmp_path / "old"), LOCK)
        assert await known(storage) == (["remote Bert"], faces("Bert"), ["remote Anna"])


async def test_what_is_known_of_the_cloud_is_newer_than_any_backup(storage: Storage, tmp_path: Path) -> None:
    """Here, links, reports and notes stay as they are; of who is gone by the restore there are orphans."""
    anna, bert = await linked(storage, "Anna"), await linked(storage, "Bert")
    await storage.twins.note(HOUSE, "calls", "17")
    await storage.archive.write(tmp_path / "file", SECRET)
    late = await storage.vault.add_template(anna.person_id, MODEL, list(vectors()))
    await storage.twins.unlink_face(HOUSE, anna.face_ids[0])
    await storage.vault.delete_template(anna.person_id, anna.face_ids[0])
    await storage.twins.link_face(HOUSE, anna.person_id, late, "remote late")
    await linked(storage, "Cleo")
    await link(storage, bert, "anew")
    await storage.twins.note(HOUSE, "calls", "18")
    await storage.twins.trained(HOUSE, 2, DONE)

    await storage.archive.restore(await read(tmp_path / "file"), LOCK)

    assert await known(storage) == (["remote Anna", "anew"], ["remote Anna 1", "anew 0", "anew 1"], ["remote Cleo"])
    assert [face.trained for face in await storage.twins.faces(HOUSE)] == [True] * 3
    assert await storage.twins.noted(HOUSE, "calls") == "18"
    assert await storage.twins.faceless(HOUSE) == [(anna.person_id, anna.face_ids[0])]


async def test_a_merge_that_a_restore_undoes_leaves_no_stale_link(storage: Storage, tmp_path: Path) -> None:
    """The twin there is deleted or about to be: the person who is back has none."""
    anna, bert = await linked(storage, "Anna"), await linked(storage, "Bert")
    await storage.archive.write(tmp_path / "file", SECRET)
    await storage.vault.merge_people(anna.person_id, bert.person_id)

    await storage.archive.restore(await read(tmp_path / "file"), LOCK)

    assert len(await storage.vault.people()) == 2
    assert await known(storage) == (["remote Bert"], faces("Bert"), ["remote Anna"])


async def test_a_lost_database_begins_with_the_twins_of_the_backup(folder: Path) -> None:
    """And with an orphan for who was erased since: the backup was freed of them, and tells it."""
    async with open_storage(folder) as storage:
        anna, _ = await linked(storage, "Anna"), await linked(storage, "Bert")
        await storage.archive.keep("auto")
        await storage.vault.delete_person(anna.person_id)
    await asyncio.to_thread((folder / "usense.sqlite3").write_bytes, b"letter" * 9000)
    (folder / "usense.sqlite3-wal").unlink(missing_ok=True)

    async with open_storage(folder, mend=True) as storage:
        assert [person.name for person in await storage.vault.people()] == ["Bert"]
        assert await known(storage) == (["remote Bert"], faces("Bert"), ["remote Anna"])


async def test_export_and_import_leave_twins_out(storage: Storage, tmp_path: Path) -> None:
    """Somebody who comes from another vault has none here."""
    anna = await linked(storage, "Anna")
    parcels = await storage.vault.pack([anna.person_id])
    async with open_storage(tmp_path / "other") as other:
        arrival = await other.vault.unpack(parcels[0])
        assert arrival.faces == 2
        assert await known(other) == ([], [], [])
        assert (await find(other.vault, anna.person_id)).name == "Anna"


async def test_a_database_without_the_trigger_is_damaged(folder: Path) -> None:
    """Without it, somebody could go and leave their faces at the cloud."""
    async with open_storage(folder):
        pass
    with raw(folder) as connection:
        connection.execute("DROP TRIGGER twin_is_orphaned")

    with pytest.raises(StorageDamagedError):
        async with open_storage(folder):
            pass


@pytest.mark.parametrize("table", ["persons", "faces"])
async def test_a_link_cannot_outlive_what_it_is_of(storage: Storage, table: str) -> None:
    """The database itself refuses rows of persons or faces that are not there."""
    anna = await linked(storage, "Anna")
    statement = f"UPDATE twin_{table} SET {table[:-1]}_id = 'nobody'"  # noqa: S608 - the names are ours

    with pytest.raises(sqlite3.IntegrityError):
        await storage.twins._database.write(sqlite3.Connection.execute, statement)

    assert (await known(storage))[:2] == ([f"remote {anna.name}"], faces("Anna"))
