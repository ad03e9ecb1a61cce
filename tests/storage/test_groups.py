"""Served groups in SQLite, beyond what every `Groups` must do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tests.storage.processes import crashed
from tests.storage.samples import MODEL, enroll, left, raw, vectors
from tests.storage.test_erasure import erasing
from tests.support.groups import LARGE, USERS, add_person, loaded, make_group, train_group
from uSense.core.errors import StorageError
from uSense.core.groups import Group, GroupKey, GroupPlace
from uSense.core.matching import Metric
from uSense.storage import Storage, open_storage

TABLES = ("groups", "persons", "faces", "templates", "galleries", "parts")
PICTURE = bytes(range(256)) * 8


def rows(folder: Path) -> dict[str, int]:
    """How much is in each table."""
    with raw(folder) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        counts = {
            table: connection.execute(f"SELECT count(*) FROM served_{table}").fetchone()[0]  # noqa: S608 - ours
            for table in TABLES
        }
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return counts


async def company(storage: Storage, persons: int = 3, key: GroupKey = USERS, *, first: int = 0) -> list[str]:
    """A trained group whose persons have two faces and a crop each; their ids, ascending."""
    await storage.groups.create_group(Group(key, f"Company {key.kind}", "data of the company", "recognition_04"))
    for index in range(first, first + persons):
        person_id = await storage.groups.create_person(key, f"Guest number {index:02}", f"data of guest {index:02}")
        for seed in range(2):
            face = list(vectors(3, seed=10 * index + seed))
            await storage.groups.add_face(key, person_id, MODEL, face, user_data=f"face of {index:02}", crop=PICTURE)
    await train_group(storage.groups, key)
    return [person.person_id for person in await storage.groups.persons(key)]


SECRETS = """
SELECT key FROM served_persons WHERE person_id = :id
UNION ALL SELECT vectors FROM served_templates JOIN served_faces USING (face_id) WHERE person_id = :id
UNION ALL SELECT crop FROM served_faces WHERE person_id = :id
UNION ALL SELECT vectors FROM served_parts WHERE person_id = :id
"""


async def secrets(storage: Storage, person_id: str, key: GroupKey = USERS) -> list[bytes]:
    """Parts of all that is stored sealed of a person, their key, texts and ids; last, what is never stored."""

    def look(connection: sqlite3.Connection) -> list[bytes]:
        blobs = [blob for (blob,) in connection.execute(SECRETS, {"id": person_id})]
        opened = storage.groups._keys.unwrap(blobs[0], person_id)
        return [*(blob[at : at + 16] for blob in blobs for at in (0, len(blob) // 2, len(blob) - 16)), opened]

    person = await storage.groups.person(key, person_id)
    (template, *_) = await storage.groups.templates(key, MODEL, person_id)
    number = person.name.split()[-1]
    texts = (person.name, f"data of guest {number}", f"face of {number}", person_id, *person.face_ids)
    plain = [template.vectors.tobytes()[:16], PICTURE[:64]]
    return [*await storage.groups._database.read(look), *(text.encode() for text in texts), *plain]


async def test_vectors_and_crops_are_sealed_in_the_file(folder: Path) -> None:
    """With a key of each person's own; names and user data are not."""
    async with open_storage(folder) as storage:
        ids = await company(storage)
        templates = await storage.groups.templates(USERS, MODEL)
        gallery = await loaded(storage.groups)
        keys = {(await secrets(storage, person_id))[0] for person_id in ids}
    stored = (folder / "usense.sqlite3").read_bytes()

    assert len(keys) == 3
    assert b"Guest number 00" in stored
    for vector in (*(row for template in templates for row in template.vectors), *gallery.vectors):
        assert vector.tobytes()[:12] not in stored
    assert PICTURE[:32] not in stored


async def everything(storage: Storage) -> object:
    """All of the group that a restart or a backup must bring back."""
    groups = storage.groups
    gallery = await loaded(groups)
    return (
        await groups.group(USERS),
        await groups.persons(USERS),
        [(one.face_id, one.vectors.tobytes()) for one in await groups.templates(USERS, MODEL)],
        [(place, await groups.crop(place)) for place in await groups.lacking("another")],
        sorted(zip(gallery.person_ids, gallery.names, gallery.vectors.tolist(), strict=True)),
        await groups.training(USERS),
    )


async def test_everything_survives_a_restart(folder: Path) -> None:
    """Groups, persons, faces, templates, crops, the gallery and the state of its training."""
    async with open_storage(folder) as storage:
        await company(storage)
        before = await everything(storage)
    async with open_storage(folder) as storage:
        assert await everything(storage) == before


async def test_nothing_of_an_erased_person_is_left_in_any_file(folder: Path) -> None:
    """Not in the database, its log, or the backups; the others are untouched."""
    async with open_storage(folder) as storage:
        first, second, third = await company(storage)
        await storage.archive.keep("auto")
        await train_group(storage.groups)
        await storage.archive.keep("auto")
        await storage.archive.keep("asked")
        wanted, others = await secrets(storage, first), await secrets(storage, second)
        # The plain key, vectors and picture are the last ones but for the texts: they are never in a file.
        assert len(left(folder, wanted)) == len(wanted) - 3
        await storage.groups.delete_person(USERS, first)

        assert not left(folder, wanted)
        assert len(left(folder, others)) == len(others) - 3
        assert not await erasing(storage)
        assert (await loaded(storage.groups)).person_ids == (second, third)
    assert rows(folder) == {"groups": 1, "persons": 2, "faces": 4, "templates": 4, "galleries": 1, "parts": 2}


async def test_nothing_of_an_erased_group_is_left_in_any_file(folder: Path) -> None:
    """Nobody in it, and no row of it; one tombstone is enough for all of them."""
    async with open_storage(folder) as storage:
        ids = await company(storage, 20)
        await company(storage, 1, LARGE, first=90)
        await storage.archive.keep("asked")
        wanted = [part for person_id in ids for part in await secrets(storage, person_id)]
        assert await storage.groups.delete_group(USERS) == 20
        assert not left(folder, [*wanted, b"Company persongroups"])
    assert rows(folder) == {"groups": 1, "persons": 1, "faces": 2, "templates": 2, "galleries": 1, "parts": 1}
    with raw(folder) as connection:
        assert connection.execute("SELECT count(*) FROM tombstones").fetchone() == (1,)


@pytest.mark.parametrize("seed", range(2))
async def test_much_coming_and_going_leaves_no_trace(folder: Path, seed: int) -> None:
    """Also where pages of the file were split and joined, each erased person's secrets are gone at once."""
    rng = np.random.default_rng(seed)
    async with open_storage(folder) as storage:
        groups, key = storage.groups, await make_group(storage.groups)
        ids = []
        for index in range(15):
            ids.append(await groups.create_person(key, f"Guest number {index:02}", "x" * int(rng.integers(1, 3000))))
            for chosen in rng.integers(len(ids), size=4):
                face = list(vectors(int(rng.integers(1, 9)), 64, seed=index))
                await groups.add_face(key, ids[chosen], MODEL, face, crop=PICTURE * int(rng.integers(1, 9)))
            await train_group(groups, key)
        for person_id in rng.permutation(ids):
            if not (await groups.person(key, person_id)).face_ids:
                continue
            wanted = await secrets(storage, person_id)
            await groups.delete_person(key, person_id)
            assert not left(folder, wanted)


@pytest.mark.slow
@pytest.mark.parametrize(("work", "most"), [("delete_served", 2), ("delete_group", 0)])
async def test_an_erasure_that_is_killed_is_finished_later(folder: Path, work: str, most: int) -> None:
    """Killed anywhere: they are there whole, or gone without an orphan row or a trace after the next start."""
    async with open_storage(folder) as storage:
        first, *_ = await company(storage)
        await storage.archive.keep("auto")
        wanted = await secrets(storage, first)

    for killer in ("statement", "file"):
        *killed, survived = crashed(folder, work, killer)
        gone = 0
        for copy in (*killed, survived):
            async with open_storage(copy) as storage:
                assert not await erasing(storage)
                listed = await storage.groups.groups("persongroups")
                there = [one.person_id for one in await storage.groups.persons(USERS)] if listed else []
            counts = rows(copy)
            assert counts["faces"] == counts["templates"] == 2 * counts["persons"] == 2 * counts["parts"]
            assert len(there) == counts["persons"] in {3, most}
            assert bool(left(copy, wanted)) is (first in there)
            gone += first not in there
        assert gone > 0


@pytest.mark.slow
async def test_a_training_that_is_killed_leaves_the_old_gallery(folder: Path) -> None:
    """Whole, with the state it had; no row of the new one is left."""
    async with open_storage(folder) as storage:
        await company(storage)
        late = await add_person(storage.groups, "late", 1)
        mark = await storage.groups.mark(USERS, MODEL)

    *killed, survived = crashed(folder, "train_group_anew", "statement")

    assert len(killed) > 8
    for copy in killed:
        async with open_storage(copy) as storage:
            assert await storage.groups.mark(USERS, MODEL) == mark
            assert late.person_id not in (await loaded(storage.groups)).person_ids
        counts = rows(copy)
        assert (counts["galleries"], counts["parts"]) == (1, 3)
    async with open_storage(survived) as storage:
        assert len((await loaded(storage.groups)).person_ids) == 4


async def test_dropping_all_crops_drops_those_of_groups(storage: Storage) -> None:
    """No picture is left; those of one person of the house are theirs alone."""
    anna = await enroll(storage.vault, "Anna")
    await storage.vault.add_face(anna.person_id, b"picture of Anna")
    await company(storage, 2)

    assert await storage.vault.drop_crops(anna.person_id) == 1
    assert len(await storage.groups.lacking("another")) == 4
    assert await storage.vault.drop_crops() == 4
    assert await storage.groups.lacking("another") == []


async def test_another_process_sees_a_training_and_an_erasure(folder: Path, storage: Storage) -> None:
    """By the mark, at once."""
    first, *_ = await company(storage)
    async with open_storage(folder) as other:
        marks = [await other.groups.mark(USERS, MODEL)]
        await train_group(storage.groups)
        marks.append(await other.groups.mark(USERS, MODEL))
        await storage.groups.delete_person(USERS, first)
        marks.append(await other.groups.mark(USERS, MODEL))
        assert len((await loaded(other.groups)).person_ids) == 2
    assert len(set(marks)) == 3


async def test_changed_bytes_are_not_taken_for_a_face(folder: Path) -> None:
    """A row moved to another person or another face is refused like a damaged one, naming whose it is."""
    async with open_storage(folder) as storage:
        first, second, _ = await company(storage)
    with raw(folder) as connection:
        faces = [
            connection.execute("SELECT face_id FROM served_faces WHERE person_id = ?", (one,)).fetchone()[0]
            for one in (first, second)
        ]
        connection.execute(
            "UPDATE served_templates SET vectors = (SELECT vectors FROM served_templates WHERE face_id = ?) "
            "WHERE face_id = ?",
            faces,
        )
        connection.execute(
            "UPDATE served_parts SET vectors = (SELECT vectors FROM served_parts WHERE person_id = ?) "
            "WHERE person_id = ?",
            (first, second),
        )

    async with open_storage(folder) as storage:
        with pytest.raises(StorageError, match=r"the stored faces of 'Guest number 0\d' cannot be decrypted"):
            await storage.groups.templates(USERS, MODEL)
        with pytest.raises(StorageError, match="cannot be decrypted"):
            await storage.groups.load_gallery(USERS, MODEL, Metric.COSINE)
        assert len(await storage.groups.templates(USERS, MODEL, first)) == 2
        assert await storage.groups.crop(GroupPlace(USERS, first, faces[0])) == PICTURE
