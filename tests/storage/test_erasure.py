"""After a person was deleted, the files hold no byte of their secrets."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.storage.processes import Child, crashed
from tests.storage.samples import DONE, MODEL, enroll, gallery_of, left, vectors
from uSense.core.events import Notice
from uSense.core.models import ConfusablePair, Embedding, Metric, Person, Training
from uSense.core.receipts import ELSEWHERE
from uSense.core.rejections import Rejection
from uSense.storage import Storage, container, copies, open_storage
from uSense.storage.database import _later_if_hindered

SECRETS = """
SELECT key FROM persons WHERE person_id = :id
UNION ALL SELECT vectors FROM templates JOIN faces USING (face_id) WHERE person_id = :id
UNION ALL SELECT crop FROM faces WHERE person_id = :id AND crop IS NOT NULL
UNION ALL SELECT vectors FROM gallery_parts WHERE person_id = :id
UNION ALL SELECT vector FROM rejections WHERE person_id = :id
"""


async def secrets(storage: Storage, person: Person) -> list[bytes]:
    """Beginning, middle and end of the person's wrapped key and ciphertexts, and their name, as they are stored."""
    blobs = await storage.vault._database.read(
        lambda connection: [blob for (blob,) in connection.execute(SECRETS, {"id": person.person_id})]
    )
    data = person.user_data.encode()[:20]
    parts = [blob[at : at + 16] for blob in blobs for at in (0, len(blob) // 2, len(blob) - 16)]
    return [part for part in (*parts, person.name.encode(), person.name.lower().encode(), data) if part]


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_of_a_deleted_person_is_left_in_the_files(folder: Path, seed: int) -> None:
    """In a house with much coming and going, each deleted person's key, ciphertexts and name are gone at once."""
    rng = np.random.default_rng(seed)
    async with open_storage(folder) as storage:
        vault, people = storage.vault, []
        for index in range(25):
            people.append(await vault.create_person(f"Person {index:02} of the house", f"data of {index:02} " * 9))
            for chosen in rng.integers(len(people), size=6):
                rows = vectors(int(rng.integers(1, 9)), rng.choice((8, 32, 128, 512)), seed=index)
                await vault.add_template(people[chosen].person_id, MODEL, list(rows))
            wrong = Embedding(MODEL, Metric.EUCLIDEAN, vectors(1, 128, seed=index)[0])
            await storage.visitors.reject(Rejection(f"rejection {index}", people[-1].person_id, wrong))
            report = Training("succeeded", confusable=(ConfusablePair(people[0].name, people[-1].name, 0.5),))
            await vault.save_gallery(gallery_of(*people, rows=int(rng.integers(1, 20))), model=MODEL, report=report)
            await vault.update_person(people[0].person_id, user_data="x" * rng.integers(1, 4000))

        for person in [people[index] for index in rng.permutation(len(people))]:
            wanted = await secrets(storage, person)
            assert len(left(folder, wanted)) >= len(wanted) - 1
            await vault.delete_person(person.person_id)

            assert not left(folder, wanted)


async def erasing(storage: Storage) -> bool:
    """Whether traces may still be in the files."""
    return await storage.vault._database.read(
        lambda connection: bool(connection.execute("SELECT erasing FROM installation").fetchone()[0])
    )


async def test_a_reader_delays_only_the_removal_of_traces(folder: Path) -> None:
    """While another process reads, traces stay, though the person is gone; trying to remove them costs no writes."""
    async with open_storage(folder, wait=0.05) as storage:
        anna = await enroll(storage.vault, "Anna Example", faces=3)
        wanted = await secrets(storage, anna)
        with Child("hold", folder, "BEGIN") as child:
            child.ready()
            await storage.vault.delete_person(anna.person_id)

            assert await storage.vault.people() == []
            assert await erasing(storage)
            log = (folder / "usense.sqlite3-wal").stat().st_size
            for _ in range(5):
                await storage.vault.changed()
            assert left(folder, wanted)
            assert log == (folder / "usense.sqlite3-wal").stat().st_size
        await storage.vault.changed()

        assert not await erasing(storage)
        assert not left(folder, wanted)


def test_a_full_disk_only_postpones_the_removal_of_traces() -> None:
    """VACUUM needs room for a copy: without it the erasure stands, and the rest is done later."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with closing(connection):
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("CREATE TABLE t (x)")

    assert full.value.sqlite_errorcode == sqlite3.SQLITE_FULL
    with _later_if_hindered():
        raise full.value
    with pytest.raises(sqlite3.OperationalError), _later_if_hindered():
        raise sqlite3.OperationalError


@pytest.mark.slow
@pytest.mark.parametrize("killer", ["statement", "tick"])
async def test_an_erasure_that_is_killed_is_finished_later(folder: Path, killer: str) -> None:
    """Killed anywhere: the person is there whole, or gone and without a trace after the next start."""
    async with open_storage(folder) as storage:
        people = [await enroll(storage.vault, f"Person number {index}", faces=8) for index in range(3)]
        gallery = gallery_of(*people, rows=9)
        await storage.vault.save_gallery(gallery, model=MODEL, report=DONE)
        wanted, person_id = await secrets(storage, people[0]), people[0].person_id

    *killed, survived = crashed(folder, "delete", killer)

    gone = 0
    for copy in killed:
        async with open_storage(copy) as storage:
            names = [person.name for person in await storage.vault.people()]
            assert not await erasing(storage)
            told = await receipts(storage)
        if "Person number 0" in names:
            assert left(copy, wanted) == wanted
            assert not told
        else:
            gone += 1
            assert not left(copy, wanted)
            assert [(notice.type, notice.data["person_id"]) for notice in told] == [("person.erased", person_id)]
    assert 0 < gone < len(killed)
    assert not left(survived, wanted)


async def test_a_dropped_face_is_overwritten(folder: Path) -> None:
    """The bytes of a dropped face are zeroed in the file once the log is folded into it."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna", faces=1)
        (_, *face) = await secrets(storage, anna)
    wanted = face[2:5]
    assert left(folder, wanted) == wanted

    async with open_storage(folder) as storage:
        await storage.vault.delete_template(anna.person_id, anna.face_ids[0])

    assert not left(folder, wanted)


PICTURE = bytes(range(256)) * 16


async def plain(storage: Storage, person: Person) -> list[bytes]:
    """The person's key, a template and the crop, as they are never stored."""
    (template, *_) = [t for t in await storage.vault.templates(MODEL) if t.person_id == person.person_id]

    def key(connection: sqlite3.Connection) -> bytes:
        query = "SELECT key FROM persons WHERE person_id = ?"
        (wrapped,) = connection.execute(query, (person.person_id,)).fetchone()
        return storage.vault._keys.unwrap(wrapped, person.person_id)

    return [await storage.vault._database.read(key), template.vector.tobytes(), PICTURE[:64], person.person_id.encode()]


async def inhabited(folder: Path) -> tuple[list[bytes], Person]:
    """A closed folder with three people, crops, backups and waiting notices; what must vanish of the first of them."""
    async with open_storage(folder) as storage:
        vault = storage.vault
        people = [await enroll(vault, f"Person number {index}", faces=4) for index in range(3)]
        for index, person in enumerate(people):
            await vault.add_template(person.person_id, MODEL, list(vectors(seed=index)), PICTURE)
        await storage.archive.keep("auto")
        report = Training("succeeded", message=f"{people[0].name} looks like {people[1].name}")
        await vault.save_gallery(gallery_of(*people), model=MODEL, report=report)
        notice = {"name": people[0].name, "person_id": people[0].person_id}
        await storage.journal.append(Notice("enrolled", notice, lasting=True))
        await storage.archive.keep("auto")
        await storage.archive.keep("asked")
        return [*await secrets(storage, people[0]), *await plain(storage, people[0])], people[0]


async def in_backups(folder: Path) -> list[set[str]]:
    """Names in each backup of the folder."""

    def look(_: sqlite3.Connection) -> list[set[str]]:
        return [names_in(path, backups.lock) for path in backups.files()]

    async with open_storage(folder) as storage:
        backups = storage.archive._kept
        return await storage.vault._database.look(look)


async def plain_backups(folder: Path) -> list[bytes]:
    """The content of each backup of the folder."""
    async with open_storage(folder) as storage:
        kept = storage.archive._kept
        return await asyncio.to_thread(
            lambda: [container.read(path, "backup", 1).plain(kept.lock) for path in kept.files()]
        )


def names_in(path: Path, lock: container.KeyFile) -> set[str]:
    """Names in a backup."""
    data = container.read(path, "backup", 1).plain(lock)
    with copies.opened(data, str(path)) as copy:
        return {name for (name,) in copy.execute("SELECT name FROM persons")}


async def receipts(storage: Storage) -> list[Notice]:
    """Deliver everything, as the service does after whatever happened to the process that erased; only receipts."""
    for notice in await storage.journal.recover():
        await storage.journal.append(notice)
    pending = await storage.journal.pending(10)
    for number, _ in pending:
        await storage.journal.done(number)
    return [notice for _, notice in pending if notice.type == "person.erased"]


async def test_nothing_is_left_in_any_file(folder: Path) -> None:
    """Not in the database, its log, the backups made before and after, nor in what waits for the broker.

    The id alone stays until the broker has the receipt, which tells it, and never gets into a backup.
    """
    wanted, person = await inhabited(folder)
    person_id = person.person_id.encode()
    async with open_storage(folder) as storage:
        erasure = await storage.vault.delete_person(person.person_id)
        assert left(folder, wanted) == [person_id]
        await storage.archive.keep("asked")
        assert left(folder, wanted) == [person_id]
        (receipt,) = await receipts(storage)
        assert not left(folder, wanted)

    assert receipt.data["person_id"] == person.person_id
    assert (erasure.faces, erasure.crops, erasure.notices, erasure.backups) == (5, 1, 1, 3)
    assert (erasure.galleries, erasure.left) == (1, ())
    assert not left(folder, wanted)
    assert await in_backups(folder) == [{"Person number 1", "Person number 2"}] * 4
    assert not any(person_id in plain for plain in await plain_backups(folder))


async def test_a_receipt_tells_what_could_not_be_erased(folder: Path) -> None:
    """A backup that the key does not open, and a damaged database that was moved aside."""
    _, person = await inhabited(folder)
    (folder / "damaged-2026").mkdir()
    (folder / "backups" / "asked-0.usense").write_bytes(b"no backup")
    async with open_storage(folder) as storage:
        with Child("hold", folder, "BEGIN") as child:
            child.ready()
            erasure = await storage.vault.delete_person(person.person_id)

    unused, backup, damaged = erasure.left
    assert unused.startswith("unused parts of the database file or of backups: another program reads it")
    assert backup == "backups/asked-0.usense: it cannot be opened; delete it if it is not needed"
    assert damaged == "damaged-2026: what was damaged; delete it if it is not needed"


@pytest.mark.slow
async def test_an_erasure_that_is_killed_among_the_backups_is_finished_later(folder: Path) -> None:
    """Killed before any file is opened, renamed or removed: after the next start nothing is left in any of them."""
    wanted, person = await inhabited(folder)

    copies_of = await asyncio.to_thread(crashed, folder, "delete", "file")

    assert len(copies_of) > 6
    for copy in copies_of:
        async with open_storage(copy) as storage:
            names = [person.name for person in await storage.vault.people()]
            assert not await erasing(storage)
            assert left(copy, wanted) == [person.person_id.encode()]
            (receipt,) = await receipts(storage)
        assert names == ["Person number 1", "Person number 2"]
        assert not left(copy, wanted)
        assert receipt.type == "person.erased"
        assert receipt.data["erased"] == {
            "faces": 5, "templates": 5, "crops": 1, "galleries": 1, "notices": 1, "backups": None
        }  # fmt: skip
        assert receipt.data["left"] == [ELSEWHERE]
        assert await in_backups(copy) == [set(names)] * 3
