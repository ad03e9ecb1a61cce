"""Backups: whole, encrypted, bounded, put back at once or not at all, and never of who was erased."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.processes import Child
from tests.storage.samples import DONE, MODEL, enroll, find, gallery_of, vectors
from uSense.core.errors import RequestError, StorageError
from uSense.core.events import Notice
from uSense.core.matching import Metric
from uSense.core.models import Person
from uSense.storage import Storage, backups, container, open_storage
from uSense.storage.container import KeyFile, Passphrase, Sealed

SECRET = "correct horse"
LOCK = Passphrase(SECRET)


async def house(storage: Storage) -> tuple[Person, Person]:
    """Anna with a crop and Bert, trained."""
    anna, bert = await enroll(storage.vault, "Anna Example"), await enroll(storage.vault, "Bert", faces=2)
    await storage.vault.add_template(anna.person_id, MODEL, list(vectors(seed=7)), b"picture of Anna")
    await storage.vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=DONE)
    return await find(storage.vault, anna.person_id), await find(storage.vault, bert.person_id)


async def everything(storage: Storage) -> object:
    """All that a backup must bring back."""
    vault = storage.vault
    gallery, report = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    kept = [(t.person_id, t.face_id, t.vector.tobytes()) for t in await vault.templates(MODEL)]
    crops = [await vault.crop(*place) for place in await vault.lacking("another")]
    return await vault.people(), kept, crops, gallery.names, gallery.vectors.tobytes(), report


async def read(path: Path) -> Sealed:
    """The backup in a file."""
    return await asyncio.to_thread(container.read, path, backups.KIND, backups.FORMAT)


async def put(path: Path, plain: bytes, lock: Passphrase | KeyFile = LOCK) -> None:
    """Write a backup with this content."""
    await asyncio.to_thread(container.write, path, container.seal("backup", 1, plain, lock, {"made_at": "2026"}))


def changed(data: bytes, statement: str) -> bytes:
    """A database after an SQL statement."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        copy.deserialize(data)
        copy.execute(statement)
        return copy.serialize()


@pytest.mark.parametrize("secret", [SECRET, None])
async def test_a_backup_brings_everything_back(folder: Path, tmp_path: Path, secret: str | None) -> None:
    """People, templates, crops, gallery and report are what they were; what came later is named and gone."""
    async with open_storage(folder) as storage:
        anna, _ = await house(storage)
        before = await everything(storage)
        made = await storage.archive.write(tmp_path / "file", secret)
        await storage.vault.update_person(anna.person_id, name="Zoe")
        await enroll(storage.vault, "Cleo")

        back = await storage.archive.restore(await read(tmp_path / "file"), LOCK if secret else None)

        assert await everything(storage) == before
        assert await storage.journal.recover() == []
    assert (made.people, made.size) == (2, (tmp_path / "file").stat().st_size)
    assert (back.people, back.gone, back.erased) == (("Anna Example", "Bert"), ("Cleo",), 0)
    assert back.made_at.startswith("20")


async def test_a_passphrase_is_enough_on_another_machine(folder: Path, tmp_path: Path) -> None:
    """The key is inside; there, everything is wrapped with the key file that is there."""
    async with open_storage(folder) as storage:
        await house(storage)
        before = await everything(storage)
        await storage.archive.write(tmp_path / "file", SECRET)
    async with open_storage(tmp_path / "other") as storage:
        await storage.vault.create_person("Dora")
        key = (tmp_path / "other" / "key").read_bytes()
        await storage.archive.restore(await read(tmp_path / "file"), LOCK)
    async with open_storage(tmp_path / "other") as storage:
        assert await everything(storage) == before
    assert key == (tmp_path / "other" / "key").read_bytes() != (folder / "key").read_bytes()


async def test_a_backup_without_key_needs_the_key_file(folder: Path, tmp_path: Path) -> None:
    """Elsewhere it opens with a copy of that file alone."""
    async with open_storage(folder) as storage:
        await house(storage)
        before = await everything(storage)
        await storage.archive.write(tmp_path / "file", None)
    async with open_storage(tmp_path / "other") as storage:
        with pytest.raises(RequestError, match="the key file does not open"):
            await storage.archive.restore(await read(tmp_path / "file"), None)
        await storage.archive.restore(await read(tmp_path / "file"), KeyFile((folder / "key").read_bytes()))
        assert await everything(storage) == before


async def test_nothing_of_anybody_can_be_read_in_a_backup(storage: Storage, tmp_path: Path) -> None:
    """Neither names nor ids."""
    anna, _ = await house(storage)
    for secret in (SECRET, None):
        await storage.archive.write(tmp_path / "file", secret)
        data = (tmp_path / "file").read_bytes()
        assert b"Anna" not in data
        assert anna.person_id.encode() not in data


async def test_a_restore_does_not_bring_back_who_was_erased_here(storage: Storage, tmp_path: Path) -> None:
    """An older backup has them, the tombstone keeps them out; who was merged into an erased person stays out, too."""
    anna, bert = await house(storage)
    cleo = await enroll(storage.vault, "Cleo")
    await storage.archive.write(tmp_path / "file", SECRET)
    await storage.vault.delete_person(anna.person_id)
    await storage.vault.merge_people(cleo.person_id, bert.person_id)
    await storage.vault.delete_person(bert.person_id)

    back = await storage.archive.restore(await read(tmp_path / "file"), LOCK)

    assert (back.people, back.erased) == ((), 3)
    assert await storage.vault.people() == []
    assert await storage.vault.templates(MODEL) == []


async def test_a_restore_honors_the_tombstones_of_the_backup(folder: Path, tmp_path: Path) -> None:
    """Who was erased before the backup was made stays erased also where nobody knew of it."""
    async with open_storage(folder) as storage:
        anna, _ = await house(storage)
        await storage.archive.write(tmp_path / "old", SECRET)
        await storage.vault.delete_person(anna.person_id)
        await storage.archive.write(tmp_path / "new", SECRET)
    async with open_storage(tmp_path / "other") as storage:
        await storage.archive.restore(await read(tmp_path / "new"), LOCK)
        back = await storage.archive.restore(await read(tmp_path / "old"), LOCK)
        assert (back.people, back.erased) == (("Bert",), 1)


async def test_notices_are_neither_backed_up_nor_lost(storage: Storage, tmp_path: Path) -> None:
    """What waits for the broker is of now: a restore neither repeats old news nor drops new ones."""
    await house(storage)
    await storage.journal.append(Notice("old", {}, lasting=True))
    await storage.archive.write(tmp_path / "file", SECRET)
    await storage.journal.done(1)
    await storage.journal.append(Notice("new", {}, lasting=True))

    await storage.archive.restore(await read(tmp_path / "file"), LOCK)

    assert [notice.type for _, notice in await storage.journal.pending(9)] == ["new"]


async def test_other_processes_notice_a_restore(folder: Path, storage: Storage, tmp_path: Path) -> None:
    """It works beside a running service, which reads the gallery again."""
    await house(storage)
    await storage.archive.write(tmp_path / "file", SECRET)
    async with open_storage(folder) as service:
        assert not await service.vault.changed()
        await storage.archive.restore(await read(tmp_path / "file"), LOCK)
        assert await service.vault.changed()


async def test_a_backup_while_others_write_is_of_one_moment(folder: Path, storage: Storage, tmp_path: Path) -> None:
    """A gallery that another process keeps replacing is in it whole."""
    await house(storage)
    with Child("train", folder, "0.5") as child:
        child.ready().go()
        while child.running():
            await storage.archive.write(tmp_path / "file", None)
        child.result()
    await storage.archive.restore(await read(tmp_path / "file"), None)

    gallery, _ = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert len({float(value) for value in gallery.vectors.ravel()}) in {1, 48}


async def test_a_damaged_backup_changes_nothing(storage: Storage, tmp_path: Path) -> None:
    """Neither a file whose bytes changed nor a sound file with damaged content; the people here stay."""
    await house(storage)
    before = await everything(storage)
    await storage.archive.write(tmp_path / "file", SECRET)
    data = bytearray((tmp_path / "file").read_bytes())
    data[-1000] ^= 1
    (tmp_path / "changed").write_bytes(data)
    (tmp_path / "short").write_bytes(data[:-1])
    key = storage.vault._keys.installation
    plain = (await read(tmp_path / "file")).plain(LOCK)
    wrong = plain.replace(b"Anna Example", b"Anna\xff\xff\xff\xff\xff\xff\xff\xff")
    for name, content in (("no-database", key + b"letter"), ("torn", plain[:9000]), ("text", wrong), ("empty", key)):
        await put(tmp_path / name, content)
    await put(tmp_path / "face", key + changed(plain[32:], "UPDATE templates SET vectors = x'00' WHERE number = 1"))

    for name in ("changed", "short", "no-database", "torn", "empty", "face", "text"):
        with pytest.raises(RequestError):
            await storage.archive.restore(await read(tmp_path / name), LOCK)
        assert await everything(storage) == before, name


async def test_a_backup_of_a_newer_layout_is_refused(storage: Storage, tmp_path: Path) -> None:
    """With what to do."""
    await house(storage)
    await storage.archive.write(tmp_path / "file", SECRET)
    plain = (await read(tmp_path / "file")).plain(LOCK)
    await put(tmp_path / "new", plain[:32] + changed(plain[32:], "PRAGMA user_version = 99"))

    with pytest.raises(StorageError, match=r"newer uSense \(layout 99, this one knows \d+\): install the newer"):
        await storage.archive.restore(await read(tmp_path / "new"), LOCK)


async def test_what_is_replaced_is_kept_as_a_backup(folder: Path, storage: Storage, tmp_path: Path) -> None:
    """A restore of the wrong file can be taken back."""
    await house(storage)
    await storage.archive.write(tmp_path / "file", SECRET)
    await enroll(storage.vault, "Cleo")
    before = await everything(storage)
    await storage.archive.restore(await read(tmp_path / "file"), LOCK)

    (kept,) = (folder / "backups").iterdir()
    await storage.archive.restore(await read(kept), None)

    assert await everything(storage) == before


async def test_only_the_newest_backups_stay(folder: Path, storage: Storage) -> None:
    """Two automatic ones and five asked for, private."""
    await house(storage)
    for _ in range(7):
        await storage.archive.keep("auto")
        newest = await storage.archive.keep("asked")

    names = sorted(path.name for path in (folder / "backups").iterdir())
    assert [name.partition("-")[0] for name in names] == ["asked"] * 5 + ["auto"] * 2
    assert newest.path.name in names
    assert {path.stat().st_mode & 0o777 for path in (folder / "backups").iterdir()} == {0o600}
    assert (folder / "backups").stat().st_mode & 0o777 == 0o700


async def test_an_automatic_backup_is_due_daily_and_after_trainings(folder: Path, storage: Storage) -> None:
    """And never without people: an empty database must not push out the backups of a lost one."""
    now = time.time()
    assert not await storage.archive.due(now)
    anna, _ = await house(storage)
    assert await storage.archive.due(now)
    await storage.archive.keep("auto")
    assert [await storage.archive.due(now + hours * 3600) for hours in (0, 23, 25, -25)] == [False, False, True, True]
    await storage.vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
    assert await storage.archive.due(now)
    await storage.archive.keep("auto")
    assert not await storage.archive.due(now)
    for path in (folder / "backups").iterdir():
        path.write_bytes(b"")
    assert await storage.archive.due(now)
    for person in await storage.vault.people():
        await storage.vault.delete_person(person.person_id)
    assert not await storage.archive.due(now)


async def test_an_old_backup_gets_the_present_layout(folder: Path, tmp_path: Path) -> None:
    """A backup of the first layout can be restored."""
    from tests.storage.test_layout import INSTALLATION, build_version_1  # noqa: PLC0415 - shared with that test

    build_version_1(tmp_path / "old")
    data = await asyncio.to_thread((tmp_path / "old" / "usense.sqlite3").read_bytes)
    await put(tmp_path / "file", data, KeyFile(INSTALLATION))
    async with open_storage(folder) as storage:
        back = await storage.archive.restore(await read(tmp_path / "file"), KeyFile(INSTALLATION))
        assert back.people == ("Anna", "Bert")
        assert len(await storage.vault.templates("net")) == 2
