"""A damaged database: moved aside, replaced by the newest good backup, and said; never a reason to end."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.storage.processes import Child
from tests.storage.samples import DONE, MODEL, enroll, gallery_of, raw
from tests.storage.test_erasure import in_backups
from uSense.core.errors import StorageDamagedError, StorageError, StorageMendedError
from uSense.core.events import Notice
from uSense.storage import Storage, container, open_storage

SECRET = "correct horse"
LETTER = b"this is no database, it is a letter" * 3000


def spoil(path: Path, start: int = 0, data: bytes = b"\xa5" * 100_000) -> None:
    """Overwrite a file from `start` to its end."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(start)
        file.write((data * (size // len(data) + 1))[: size - start])


async def lose(folder: Path, start: int = 0, data: bytes = b"\xa5" * 100_000) -> None:
    """Spoil the database, without its log."""
    await asyncio.to_thread((folder / "usense.sqlite3-wal").unlink, missing_ok=True)
    await asyncio.to_thread(spoil, folder / "usense.sqlite3", start, data)


async def damage(storage: Storage, folder: Path) -> None:
    """Spoil the database while it is open, so that the next look at it finds that."""
    for pragma in ("wal_checkpoint(TRUNCATE)", "shrink_memory"):
        await storage.vault._database.look(sqlite3.Connection.execute, f"PRAGMA {pragma}")
    await asyncio.to_thread(spoil, folder / "usense.sqlite3", 4096)


async def names(storage: Storage) -> list[str]:
    """Who is there."""
    return [person.name for person in await storage.vault.people()]


@pytest.fixture
async def used(folder: Path) -> Path:
    """A closed data folder with an automatic backup of Anna, and Bert who came later; two notices wait."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        await storage.vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
        await storage.archive.keep("auto")
        await enroll(storage.vault, "Bert")
        for number in range(2):
            await storage.journal.append(Notice("kind", {"number": number}, lasting=True))
    return folder


@pytest.mark.parametrize(("start", "data"), [(0, LETTER), (100, b"\xff" * 9000), (4096, b"\xa5" * 9000), (0, b"\0")])
async def test_a_start_goes_on_with_the_newest_backup(used: Path, start: int, data: bytes) -> None:
    """The damaged file is kept as it was, and the service's folder says where, in a lasting notice, too."""
    await lose(used, start, data)
    damaged = await asyncio.to_thread((used / "usense.sqlite3").read_bytes)

    async with open_storage(used, mend=True) as storage:
        said = await storage.archive.damage()
        assert await names(storage) == ["Anna"]
        assert len(await storage.vault.templates(MODEL)) == 2
        pending = await storage.journal.pending(9)

    (moved,) = used.glob("damaged-*")
    assert (moved / "usense.sqlite3").read_bytes() == damaged
    assert said == f"the database was damaged and moved to {moved}: check the disk or SD card, then delete that folder"
    number, notice = pending[-1]
    assert (notice.type, notice.data["moved_to"], notice.data["people"]) == ("storage.damaged", str(moved), 1)
    assert notice.data["restored_from"].startswith("20")
    assert number > 1_000_000_000

    async with open_storage(used, mend=True) as storage:
        assert await names(storage) == ["Anna"]
    shutil.rmtree(moved)
    async with open_storage(used, mend=True) as storage:
        assert await storage.archive.damage() == ""


async def test_without_a_backup_it_begins_with_nobody(used: Path) -> None:
    """Also when the backups themselves are damaged; the key file stays, and what was damaged is never thrown away."""
    key = (used / "key").read_bytes()
    for path in (used / "backups").iterdir():
        spoil(path, 200)
    await lose(used)

    async with open_storage(used, mend=True) as storage:
        assert await names(storage) == []
        await enroll(storage.vault, "Cleo")
        ((_, notice),) = await storage.journal.pending(9)

    assert key == (used / "key").read_bytes()
    assert (notice.data["restored_from"], notice.data["people"]) == (None, 0)


async def test_damage_while_it_runs_is_mended(used: Path) -> None:
    """What was asked fails with the reason, everything after it works, and the gallery counts as changed."""
    async with open_storage(used, mend=True) as storage:
        await storage.vault.people()
        assert not await storage.vault.changed()
        await damage(storage, used)

        with pytest.raises(StorageMendedError, match="the database was damaged and moved to"):
            await storage.vault.templates(MODEL)

        assert await storage.vault.changed()
        assert await names(storage) == ["Anna"]
        await storage.vault.create_person("Cleo")
        assert [notice.type for _, notice in await storage.journal.pending(9)][-1] == "storage.damaged"


async def test_a_damaged_name_is_found_and_mended(used: Path) -> None:
    """Damage that only a look at the content finds counts, too."""
    async with open_storage(used, mend=True) as storage:
        await storage.vault._database.write(
            lambda connection: connection.execute("UPDATE persons SET name = CAST(x'ff41' AS TEXT)")
        )
        with pytest.raises(StorageMendedError):
            await storage.vault.people()
        assert await names(storage) == ["Anna"]


async def test_what_can_be_read_of_it_is_kept(used: Path) -> None:
    """Waiting notices and tombstones outlive the damage of other pages, so that nobody who was erased comes back."""
    old = used.with_name("old")
    await asyncio.to_thread(shutil.copytree, used / "backups", old)
    async with open_storage(used) as storage:
        anna = next(person for person in await storage.vault.people() if person.name == "Anna")
        await storage.vault.delete_person(anna.person_id)
    await asyncio.to_thread(shutil.rmtree, used / "backups")
    await asyncio.to_thread(shutil.copytree, old, used / "backups")
    async with open_storage(used) as storage:
        await storage.vault._database.write(
            lambda connection: connection.execute("UPDATE persons SET name = CAST(x'ff41' AS TEXT)")
        )

    async with open_storage(used, mend=True) as storage:
        assert await names(storage) == []
        kinds = [notice.type for _, notice in await storage.journal.pending(9)]
    assert kinds == ["kind", "kind", "storage.damaged"]


@pytest.mark.parametrize("kind", ["auto", "asked"])
async def test_who_was_erased_stays_out_when_nothing_can_be_read(used: Path, kind: str) -> None:
    """The backups in the folder know it, also one that was made before the person came; so no older copy helps."""
    (made,) = (used / "backups").iterdir()
    made.rename(made.with_name(made.name.replace("auto", kind)))
    elsewhere = used.with_name("elsewhere")
    async with open_storage(used) as storage:
        await storage.archive.write(elsewhere, SECRET)
        bert = next(person for person in await storage.vault.people() if person.name == "Bert")
        erasure = await storage.vault.delete_person(bert.person_id)
    await lose(used, 0, LETTER)

    async with open_storage(used, mend=True) as storage:
        sealed = await asyncio.to_thread(container.read, elsewhere, "backup", 1)
        back = await storage.archive.restore(sealed, container.Passphrase(SECRET))

    assert (back.people, back.erased) == (("Anna",), 1)
    assert erasure.backups == 0


async def test_others_do_not_mend(used: Path) -> None:
    """Without the right to, everything is left as it is and the way out is told."""
    await lose(used)
    with pytest.raises(StorageDamagedError, match="`usense run` and `usense restore FILE` move it aside"):
        async with open_storage(used):
            pass
    assert not list(used.glob("damaged-*"))


async def test_nothing_is_moved_under_the_feet_of_another_process(used: Path) -> None:
    """While one reads, mending waits and says so; afterwards it succeeds."""
    async with open_storage(used, wait=0.05), open_storage(used, wait=0.05, mend=True) as service:
        await damage(service, used)
        for _ in range(2):
            with pytest.raises(StorageError, match="cannot be mended while another process uses it: end that one"):
                await service.vault.templates(MODEL)
        assert not list(used.glob("damaged-*"))

    async with open_storage(used, mend=True) as storage:
        assert await names(storage) == ["Anna"]


@pytest.mark.parametrize("lost", ["key", "both"])
async def test_a_lost_key_is_never_replaced(used: Path, lost: str) -> None:
    """Not beside a database with people, not beside what was damaged or backed up: only it can open them."""
    (used / "key").unlink()
    if lost == "both":
        await lose(used)

    for _ in range(2):
        with pytest.raises(StorageError, match=r"the key file .* is missing"):
            async with open_storage(used, mend=True):
                pass
    assert not (used / "key").exists()


async def test_only_the_newest_damaged_databases_stay(used: Path) -> None:
    """A disk that keeps failing does not fill up with them."""
    for _ in range(5):
        await lose(used)
        async with open_storage(used, mend=True) as storage:
            assert await names(storage) == ["Anna"]
    assert len(list(used.glob("damaged-*"))) == 3


@pytest.mark.slow
async def test_a_start_that_is_killed_while_mending_is_finished_later(used: Path) -> None:
    """Killed at any step: the next start has Anna, by the same backup."""
    await lose(used, 4096)
    with Child("crash_mending", used) as child:
        killed, code = child.result()
    assert code == 0
    assert killed > 10
    for step in range(1, killed + 2):
        async with open_storage(used.with_name(f"{used.name}-{step}"), mend=True) as storage:
            assert await names(storage) == ["Anna"], step


SCHEMA = "UPDATE sqlite_schema SET sql = {change} WHERE name = 'installation'"
LOOSE = SCHEMA.format(change="replace(replace(sql, ' NOT NULL', ''), ') STRICT', ')')")


@pytest.mark.parametrize("value", [None, 7])
async def test_a_value_of_another_type_is_damage(folder: Path, value: int | None) -> None:
    """What cannot be stored, and breaks what is done with it, is told as damage and not taken for a bug."""
    async with open_storage(folder) as storage:
        await storage.vault.create_person("Anna")
    with raw(folder) as connection:
        (strict,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'installation'").fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(LOOSE)
    with raw(folder) as connection:
        connection.execute("UPDATE installation SET key_check = ?", (value,))
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(SCHEMA.format(change="?"), (strict,))

    with pytest.raises(StorageDamagedError, match="is damaged"):
        async with open_storage(folder):
            pass


async def test_a_schema_of_another_type_is_read(folder: Path) -> None:
    """A table whose description became bytes, which SQLite can read all the same, is no trouble."""
    async with open_storage(folder) as storage:
        await enroll(storage.vault, "Anna")
    with raw(folder) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(SCHEMA.format(change="CAST(sql AS BLOB)"))

    async with open_storage(folder) as storage:
        assert await names(storage) == ["Anna"]


@pytest.mark.parametrize("data", ["[1]", "7", "{"])
async def test_a_notice_that_cannot_be_read_does_not_come_back(used: Path, data: str) -> None:
    """The first doubt is tried again, the second is trusted; then there is an end of it."""
    with raw(used) as connection:
        connection.execute("UPDATE notices SET data = ? WHERE number = 2", (data,))

    async with open_storage(used, mend=True) as storage:
        for _ in range(2):
            with pytest.raises(StorageMendedError):
                await storage.journal.pending(9)
        kinds = [notice.type for _, notice in await storage.journal.pending(9)]
    assert kinds == ["kind", "storage.damaged"]


async def test_a_schema_with_a_part_missing_is_mended(used: Path) -> None:
    """SQLite finds nothing wrong, and uSense cannot go on with it: a backup takes its place."""
    with raw(used) as connection:
        connection.execute("DROP TRIGGER training_is_untold")

    async with open_storage(used, mend=True) as storage:
        assert await names(storage) == ["Anna"]
    assert len(list(used.glob("damaged-*"))) == 1


async def test_what_another_program_added_is_no_damage(used: Path) -> None:
    """Statistics and an index that somebody made with a tool of SQLite's."""
    with raw(used) as connection:
        connection.execute("CREATE INDEX mine ON persons (name)")
        connection.execute("ANALYZE")

    async with open_storage(used, mend=True) as storage:
        assert await names(storage) == ["Anna", "Bert"]


async def test_who_was_erased_leaves_all_backups_though_the_database_was_lost(used: Path) -> None:
    """The process died when it had cleaned one backup, and the disk took the database: the other one is cleaned now."""
    old = used.with_name("old")
    await asyncio.to_thread(shutil.copytree, used / "backups", old)
    async with open_storage(used) as storage:
        anna = next(person for person in await storage.vault.people() if person.name == "Anna")
        await storage.vault.delete_person(anna.person_id)
        await storage.archive.keep("asked")
    (made,) = old.iterdir()
    await asyncio.to_thread(shutil.copy, made, used / "backups" / made.name)
    await lose(used, 0, LETTER)

    async with open_storage(used, mend=True) as storage:
        assert await names(storage) == []
    assert set().union(*await in_backups(used)) <= {"Bert"}
