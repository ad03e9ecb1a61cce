"""Unknown people and rejected faces on disk: sealed, in no backup, and gone without a trace."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tests.storage.samples import enroll, left, raw, vectors, visitors_secrets
from uSense.core.errors import NotFoundError
from uSense.core.models import Embedding, Metric
from uSense.core.rejections import MOST, Rejection
from uSense.core.visitors import Glimpse, Visitor
from uSense.ports import Keep, KeptFace
from uSense.storage import Storage, backups, container, open_storage

CROP = b"a picture of somebody " * 20


def face(seed: int = 0) -> Embedding:
    """Some face."""
    return Embedding("net", Metric.COSINE, vectors(1, 64, seed=seed)[0])


def visitor(name: str = "v1", *, faces: int = 2) -> Keep:
    """Somebody unknown, on the way to the disk."""
    known = {number: Glimpse(face(number), 0.1 * number) for number in range(1, faces + 1)}
    new = {number: KeptFace(one.embedding, one.quality, CROP + name.encode()) for number, one in known.items()}
    return Keep(Visitor(name, 1e9, 1e9 + 5, True, False, 2, ("hall", "door"), ("e1", "e2"), known), new, frozenset())


async def test_visitors_come_back_as_they_were(storage: Storage) -> None:
    """Everything but the crops, which are read when they are wanted, the best first."""
    kept = visitor()
    await storage.visitors.keep([kept], [])

    (found,) = await storage.visitors.load()

    for name in {one.name for one in fields(Visitor)} - {"faces", "_mean"}:
        assert getattr(found, name) == getattr(kept.visitor, name)
    assert list(found.faces) == [1, 2]
    for number, glimpse in found.faces.items():
        assert np.array_equal(glimpse.embedding.vector, kept.new[number].embedding.vector)
        assert (glimpse.embedding.model, glimpse.embedding.metric, glimpse.quality) == ("net", "cosine", 0.1 * number)
    assert list((await storage.visitors.crops("v1")).values()) == [CROP + b"v1"] * 2


async def test_changes_are_written(storage: Storage) -> None:
    """Numbers that changed, faces that are new or left, visitors who left."""
    kept = visitor()
    await storage.visitors.keep([kept, visitor("v2")], [])
    kept.visitor.ignored, kept.visitor.sightings = True, 9

    await storage.visitors.keep([Keep(kept.visitor, {3: KeptFace(face(3), 0.9, None)}, frozenset({1}))], ["v2"])

    (found,) = await storage.visitors.load()
    assert (found.visitor_id, found.ignored, found.sightings, set(found.faces)) == ("v1", True, 9, {2, 3})
    assert len(await storage.visitors.crops("v1")) == 1


async def test_nothing_of_an_erased_visitor_is_left_in_the_files(folder: Path) -> None:
    """Key, vectors, crops and id are in no file any more, also those of who was dropped before."""
    async with open_storage(folder) as storage:
        for number in range(12):
            await storage.visitors.keep([visitor(f"visitor {number:02}", faces=5)], [])
        secrets = visitors_secrets(folder)
        await storage.visitors.keep([], [f"visitor {number:02}" for number in range(6)])
        await storage.visitors.erase([f"visitor {number:02}" for number in range(6, 12)])

        assert left(folder, [*secrets, b"visitor 0", b"visitor 1"]) == []


async def test_visitors_are_in_no_backup_and_survive_a_restore(storage: Storage, tmp_path: Path) -> None:
    """Whoever is kept for days needs no backup; a restore of the people brings rejections, and no visitors."""
    anna = await enroll(storage.vault, "Anna")
    await storage.visitors.keep([visitor("a visitor")], [])
    await storage.visitors.reject(Rejection("r1", anna.person_id, face()))
    await storage.archive.write(tmp_path / "file", None)
    sealed = await asyncio.to_thread(container.read, tmp_path / "file", backups.KIND, backups.FORMAT)
    await storage.visitors.unreject("r1")

    await storage.archive.restore(sealed, None)

    plain = sealed.plain(storage.archive._kept.lock)
    assert b"a visitor" not in plain
    assert b"Anna" in plain
    assert [one.visitor_id for one in await storage.visitors.load()] == ["a visitor"]
    assert [one.rejection_id for one in await storage.visitors.rejections()] == ["r1"]


async def test_a_damaged_visitor_is_dropped(folder: Path) -> None:
    """Who cannot be decrypted any more is erased when they are read; the others stay."""
    async with open_storage(folder) as storage:
        await storage.visitors.keep([visitor("v1"), visitor("v2"), visitor("v3")], [])
        with raw(folder) as connection:
            connection.execute("UPDATE visitors SET key = zeroblob(60) WHERE visitor_id = 'v1'")
            connection.execute("UPDATE visitor_faces SET vector = zeroblob(300) WHERE visitor_id = 'v2'")

        assert [one.visitor_id for one in await storage.visitors.load()] == ["v3"]

        with raw(folder) as connection:
            assert connection.execute("SELECT DISTINCT visitor_id FROM visitor_faces").fetchall() == [("v3",)]


async def test_a_damaged_crop_costs_only_itself(folder: Path) -> None:
    """The other faces of the visitor can still be shown and enrolled."""
    async with open_storage(folder) as storage:
        await storage.visitors.keep([visitor("v1", faces=2)], [])
        with raw(folder) as connection:
            connection.execute("UPDATE visitor_faces SET crop = zeroblob(300) WHERE face = 1")

        assert list((await storage.visitors.crops("v1")).values()) == [CROP + b"v1"]


async def test_a_visitor_whose_key_was_damaged_begins_anew(folder: Path) -> None:
    """A write for them succeeds, with a key of its own."""
    async with open_storage(folder) as storage:
        await storage.visitors.keep([visitor("v1")], [])
        with raw(folder) as connection:
            connection.execute("UPDATE visitors SET key = zeroblob(60)")

        await storage.visitors.keep([Keep(visitor("v1").visitor, {7: KeptFace(face(7), 0.5, CROP)}, frozenset())], [])

        (found,) = await storage.visitors.load()
        assert set(found.faces) == {7}


async def test_dropping_all_crops_drops_those_of_visitors(storage: Storage) -> None:
    """`usense people drop-crops` leaves no picture of anybody."""
    await storage.visitors.keep([visitor()], [])

    assert await storage.vault.drop_crops() == 2
    assert await storage.visitors.crops("v1") == {}
    assert len((await storage.visitors.load())[0].faces) == 2


async def test_rejections_are_sealed_and_bounded(storage: Storage, folder: Path) -> None:
    """They come back as they were, twenty a person and a model; their numbers are in no file."""
    anna, bert = await enroll(storage.vault, "Anna"), await enroll(storage.vault, "Bert")
    for number in range(MOST + 2):
        await storage.visitors.reject(Rejection(f"r{number}", anna.person_id, face(number)))
    await storage.visitors.reject(Rejection("b", bert.person_id, face(99)))

    found = await storage.visitors.rejections()

    assert [one.rejection_id for one in found] == [*(f"r{number}" for number in range(2, MOST + 2)), "b"]
    assert np.array_equal(found[-1].face.vector, face(99).vector)
    assert left(folder, [face(99).vector.tobytes()[:16]]) == []
    await storage.visitors.unreject("b")
    await storage.vault.delete_person(anna.person_id)
    assert await storage.visitors.rejections() == []
    with pytest.raises(NotFoundError):
        await storage.visitors.reject(Rejection("late", anna.person_id, face()))


async def test_a_damaged_rejection_is_dropped_at_the_next_start(folder: Path) -> None:
    """It is healed like everything that is sealed with a person's key."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        for number in range(2):
            await storage.visitors.reject(Rejection(f"r{number}", anna.person_id, face(number)))
        with raw(folder) as connection:
            connection.execute("UPDATE rejections SET vector = zeroblob(300) WHERE rejection_id = 'r0'")

    async with open_storage(folder, mend=True) as storage:
        assert [one.rejection_id for one in await storage.visitors.rejections()] == ["r1"]
        (notice,) = [notice for _, notice in await storage.journal.pending(9) if notice.type == "storage.healed"]

    assert notice.data["people"] == [{"person_id": anna.person_id, "name": "Anna"}]
