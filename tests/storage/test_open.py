"""Opening the data folder: what is created, and what is said when it cannot be used."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.storage.processes import Child
from tests.storage.samples import DONE, MODEL, enroll, gallery_of, raw, vectors
from uSense.core.errors import StorageError
from uSense.core.matching import Metric
from uSense.storage import Storage, open_storage
from uSense.storage.trouble import plain_words


def modes(folder: Path) -> dict[str, int]:
    """Name and mode of every file."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def open_once(folder: Path) -> None:
    """Start on the folder and stop."""
    async with open_storage(folder, wait=0.05):
        pass


async def test_everything_created_is_for_its_owner_only(folder: Path) -> None:
    """The folder is made with 0700 and every file with 0600, whatever the umask says."""
    before = os.umask(0)
    try:
        async with open_storage(folder / "deep") as storage:
            await storage.vault.create_person("Anna")

            assert modes(folder / "deep") == dict.fromkeys(
                ("key", "usense.sqlite3", "usense.sqlite3-wal", "usense.sqlite3-shm"), 0o600
            )
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "deep").stat().st_mode) == 0o700
    assert modes(folder / "deep") == {"key": 0o600, "usense.sqlite3": 0o600}


async def test_files_that_others_can_read_are_tightened(folder: Path) -> None:
    """Key and database that were copied back with loose modes get 0600 again; the folder keeps its mode."""
    await open_once(folder)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)

    await open_once(folder)

    assert modes(folder) == {"key": 0o600, "usense.sqlite3": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


async def test_the_key_is_random_and_stays(folder: Path, tmp_path: Path) -> None:
    """Each installation has 32 bytes of its own, which no later start changes."""
    await open_once(folder)
    await open_once(tmp_path / "other")
    key = (folder / "key").read_bytes()

    await open_once(folder)

    assert len(key) == 32
    assert key == (folder / "key").read_bytes()
    assert key != (tmp_path / "other" / "key").read_bytes()


async def test_a_key_that_nothing_depends_on_is_made_again(folder: Path) -> None:
    """Without people a lost or exchanged key file is no trouble."""
    await open_once(folder)
    (folder / "key").unlink()
    await open_once(folder)
    (folder / "key").write_bytes(b"k" * 32)

    async with open_storage(folder) as storage:
        await enroll(storage.vault, "Anna")
    async with open_storage(folder) as storage:
        assert len(await storage.vault.templates(MODEL)) == 2


async def test_a_draft_of_a_key_is_no_hindrance(folder: Path) -> None:
    """A start that died while writing the key file leaves nothing that a later start trips over."""
    folder.mkdir()
    (folder / "key.new").write_bytes(b"half")

    await open_once(folder)

    assert set(modes(folder)) == {"key", "usense.sqlite3"}


@pytest.fixture
async def used(folder: Path) -> Path:
    """A closed data folder in which Anna is enrolled."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        await storage.vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
    return folder


async def test_a_missing_key_file(used: Path) -> None:
    """A database with people does not open without its key file, and no other key is made."""
    (used / "key").unlink()

    with pytest.raises(StorageError, match=r"key file .*/key is missing.*put it back from a backup, or move .*/data"):
        await open_once(used)

    assert not (used / "key").exists()


@pytest.mark.parametrize("size", [0, 31, 33, 5000])
async def test_a_key_file_of_the_wrong_size(used: Path, size: int) -> None:
    """A truncated or foreign key file is named with its size."""
    (used / "key").write_bytes(b"k" * size)

    with pytest.raises(StorageError, match=f"key file .*/key has {size} bytes instead of 32: put the right one back"):
        await open_once(used)


async def test_the_key_file_of_another_installation(used: Path) -> None:
    """A key that does not fit is refused at the start, not at the first template."""
    (used / "key").write_bytes(b"k" * 32)

    with pytest.raises(StorageError, match="does not belong to this database: put back the one that was made with it"):
        await open_once(used)


async def test_a_key_file_that_others_own_and_can_read(used: Path) -> None:
    """A key file that is not ours to tighten is refused with the command that helps."""
    if os.geteuid() == 0:
        os.chown(used / "key", 65534, 65534)
        (used / "key").chmod(0o644)
    else:
        (used / "key").unlink()
        (used / "key").symlink_to("/etc/passwd")

    with pytest.raises(StorageError, match=r"can be read by other users: run `chmod 600 .*/key`"):
        await open_once(used)


async def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    """`data_dir` that is a file, or lies below one, is said to be so."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StorageError, match=r"/data is a file where a folder is needed.*set data_dir"):
        await open_once(tmp_path / "data")
    with pytest.raises(StorageError, match=r"part of .*/data/deep is a file where a folder is needed: set data_dir"):
        await open_once(tmp_path / "data" / "deep")


async def test_a_folder_in_place_of_a_file(folder: Path) -> None:
    """Folders where the database or the key should be are errors in plain words too."""
    (folder / "usense.sqlite3").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"usense\.sqlite3 cannot be opened"):
        await open_once(folder)
    (folder / "usense.sqlite3").rmdir()
    (folder / "key").mkdir()
    with pytest.raises(StorageError, match=r"/key is a folder where a file is needed"):
        await open_once(folder)


@pytest.mark.parametrize(
    "damage",
    [b"this is no database, it is a letter" * 200, b"SQLite format 3\0" + b"\xff" * 4096],
)
async def test_a_file_that_is_no_database(used: Path, damage: bytes) -> None:
    """A file with a broken beginning is not overwritten, and the way out is told."""
    (used / "usense.sqlite3").write_bytes(damage)

    with pytest.raises(
        StorageError, match=r"usense\.sqlite3 is .*: `usense run` and `usense restore FILE` move it aside"
    ):
        await open_once(used)

    assert damage == (used / "usense.sqlite3").read_bytes()


async def test_pages_that_were_damaged(used: Path) -> None:
    """Damage behind an intact beginning is found when it is read."""
    with (used / "usense.sqlite3").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))

    with pytest.raises(StorageError, match=r"usense\.sqlite3 is damaged: `usense run` and"):
        await open_once(used)


async def test_text_that_is_not_unicode(used: Path) -> None:
    """Damaged text counts as damage, not as a bug."""
    with raw(used) as connection:
        connection.execute("UPDATE persons SET name = CAST(x'ff41' AS TEXT)")

    async with open_storage(used) as storage:
        with pytest.raises(StorageError, match="is damaged"):
            await storage.vault.people()


async def test_the_database_of_another_program(folder: Path) -> None:
    """A foreign SQLite file of that name is left alone, marked or not."""
    folder.mkdir()
    with raw(folder) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = (folder / "usense.sqlite3").read_bytes()

    with pytest.raises(StorageError, match="is a database of another program: set data_dir"):
        await open_once(folder)

    assert before == (folder / "usense.sqlite3").read_bytes()
    with raw(folder) as connection:
        connection.execute("DROP TABLE recipes")
        connection.execute("PRAGMA application_id = 7")
    with pytest.raises(StorageError, match="is a database of another program"):
        await open_once(folder)


async def test_a_database_of_a_newer_version(used: Path) -> None:
    """What a newer uSense wrote is not touched."""
    with raw(used) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StorageError, match=r"written by a newer uSense \(layout 99, this one knows \d+\): install"):
        await open_once(used)


async def test_a_lock_that_is_held_too_long(used: Path) -> None:
    """A start and a write that another process keeps waiting end with what to do; afterwards all is well."""
    async with open_storage(used, wait=0.05) as storage:
        with Child("hold", used, "BEGIN IMMEDIATE") as child:
            child.ready()

            sentence = r"usense\.sqlite3 has been locked by another process for 0\.05 s: end that process"
            with pytest.raises(StorageError, match=sentence):
                await storage.vault.create_person("Bert")
            with pytest.raises(StorageError, match=sentence):
                await open_once(used)
            assert [person.name for person in await storage.vault.people()] == ["Anna"]
        await storage.vault.create_person("Bert")


async def test_a_reader_of_a_file_without_log_is_waited_for(used: Path) -> None:
    """A database in another journal mode gets its log back as soon as nobody reads it."""
    with raw(used) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with Child("hold", used, "BEGIN") as child:
        child.ready()
        with pytest.raises(StorageError, match=r"has been locked by another process for 0\.05 s"):
            await open_once(used)

        async def start() -> None:
            async with open_storage(used, wait=30):
                pass

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(start(), name="start")
            await asyncio.sleep(0)
            child.go()
    with raw(used) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_full_disk(storage: Storage) -> None:
    """A disk without room is named, what was saved before stays, and with room again all goes on."""
    anna = await enroll(storage.vault, "Anna")
    await storage.vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
    database = storage.vault._database

    def allow(connection: sqlite3.Connection, pages: int) -> int:
        (allowed,) = connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        return int(allowed)

    await database.look(allow, 1)

    with pytest.raises(StorageError, match=r"the disk with .* is full: free some space; what was saved before is kept"):
        await storage.vault.save_gallery(gallery_of(anna, rows=200, width=128), model=MODEL, report=DONE)

    gallery, report = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert (gallery.version, len(gallery.vectors), report.gallery) == (1, 3, 1)
    await database.look(allow, 100_000)
    assert (await storage.vault.save_gallery(gallery, model=MODEL, report=DONE)).gallery == 2


async def test_a_disk_that_fails(used: Path) -> None:
    """A write that the system refuses in the middle is told with SQLite's name for it, and undone."""
    with Child("fail_to_grow", used, "65536") as child:
        sentence, version = child.result()

    assert "the disk failed on" in sentence
    assert "SQLITE_IOERR_WRITE" in sentence
    assert "check the disk or SD card" in sentence
    assert version == 1


async def test_a_folder_without_write_permission(ordinary_folder: Path) -> None:
    """The folder that cannot be made, and the one that cannot be written, name the user who needs the right."""
    ordinary_folder.chmod(0o500)

    for place in (ordinary_folder, ordinary_folder / "data"):
        with pytest.raises(StorageError, match=rf"cannot be used by the user running uSense \(uid {os.geteuid()}\)"):
            await open_once(place)
    ordinary_folder.chmod(0o700)


async def test_a_read_only_database(ordinary_folder: Path) -> None:
    """A database file, and a folder, that may only be read are refused at the start."""
    await open_once(ordinary_folder)
    database = ordinary_folder / "usense.sqlite3"
    database.chmod(0o400)

    with pytest.raises(StorageError, match=r"usense\.sqlite3 is read-only: give the user running uSense write perm"):
        await open_once(ordinary_folder)

    database.chmod(0o600)
    ordinary_folder.chmod(0o500)
    with pytest.raises(StorageError, match=r"usense\.sqlite3 (is read-only|cannot be opened): give .* its folder"):
        await open_once(ordinary_folder)
    ordinary_folder.chmod(0o700)


async def test_a_key_file_that_cannot_be_read(ordinary_folder: Path) -> None:
    """A key file without read permission is named."""
    await open_once(ordinary_folder)
    (ordinary_folder / "key").chmod(0)

    with pytest.raises(StorageError, match=r"/key cannot be used by the user running uSense"):
        await open_once(ordinary_folder)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "/place cannot be used by the user running uSense"),
        (errno.EPERM, "/place cannot be used by the user running uSense"),
        (errno.EROFS, "/place is on a disk mounted read-only: mount it writable"),
        (errno.ENOSPC, "the disk with /place is full: free some space"),
        (errno.EDQUOT, "the disk with /place is full: free some space"),
        (errno.EIO, r"/place cannot be used \(Input/output error\): check the disk and data_dir"),
        (errno.ENAMETOOLONG, r"/place cannot be used \(File name too long\)"),
    ],
)
def test_what_the_system_refuses_is_said_in_plain_words(number: int, sentence: str) -> None:
    """Every error of the operating system becomes a sentence with the path."""
    with pytest.raises(StorageError, match=sentence), plain_words(Path("/place")):
        raise OSError(number, os.strerror(number))


async def test_a_mistake_in_sql_stays_a_bug(storage: Storage) -> None:
    """Only troubles with file and disk become StorageError; the transaction is undone all the same."""

    def wrong(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM persons")
        connection.execute("SELECT nonsense")

    await storage.vault.create_person("Anna")

    with pytest.raises(sqlite3.OperationalError, match="no such column: nonsense"):
        await storage.vault._database.write(wrong)

    assert len(await storage.vault.people()) == 1


async def test_a_canceled_waiter_leaves_a_working_storage(storage: Storage) -> None:
    """Cancellation in the middle of a write neither breaks the transaction nor the next one."""
    waiter = asyncio.create_task(storage.vault.create_person("Anna"))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)

    await storage.vault.create_person("Bert")

    assert "Bert" in [person.name for person in await storage.vault.people()]


async def test_a_canceled_start_can_be_repeated(folder: Path) -> None:
    """A start that was given up leaves nothing open."""
    start = asyncio.create_task(open_once(folder))
    await asyncio.sleep(0)
    start.cancel()
    await asyncio.gather(start, return_exceptions=True)

    await open_once(folder)


async def test_a_folder_can_move(used: Path, tmp_path: Path) -> None:
    """A copy of the closed folder is complete: nothing depends on the place."""
    shutil.copytree(used, tmp_path / "copy")

    async with open_storage(tmp_path / "copy") as storage:
        (plain, second) = await storage.vault.templates(MODEL)

    assert [plain.vector.tolist(), second.vector.tolist()] == vectors().tolist()
