"""Gallery versions in SQLite: whole or not at all, whoever dies or writes at the same time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.storage.processes import Child, crashed
from tests.storage.samples import DONE, MODEL, assert_same, enroll, find, gallery_of, raw
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Check, ConfusablePair, Training, TriedFace, WeakFace
from uSense.storage import Storage, open_storage


def count(folder: Path, table: str) -> int:
    """Number of rows."""
    with raw(folder) as connection:
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names of the test
        return int(rows)


async def test_three_versions_of_each_model_are_kept(folder: Path) -> None:
    """Older versions go with all their parts; another model's versions stay; numbers only grow."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        first = await storage.vault.save_gallery(gallery_of(anna), model="other-net", report=DONE)
        saved = [
            (await storage.vault.save_gallery(gallery_of(anna, seed=n), model=MODEL, report=DONE)).gallery
            for n in range(5)
        ]
        other, _ = await storage.vault.load_gallery("other-net", Metric.EUCLIDEAN)

    assert (first.gallery, saved) == (1, [2, 3, 4, 5, 6])
    assert_same(gallery_of(anna).numbered(1), other)
    assert (count(folder, "galleries"), count(folder, "gallery_parts")) == (4, 4)


async def test_an_old_version_stays_current_for_its_model(storage: Storage) -> None:
    """After a change of the model, people count as untrained until their faces of that model are trained."""
    anna = await enroll(storage.vault, "Anna")
    await storage.vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
    await storage.vault.save_gallery(Gallery.empty(Metric.COSINE), model="new-net", report=DONE)

    gallery, _ = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)

    assert gallery.names == ("Anna",)
    assert not (await find(storage.vault, anna.person_id)).trained


async def test_confusable_pairs_follow_renames_and_erasures(folder: Path) -> None:
    """The report shows the names persons have now, and nothing of who was erased."""
    async with open_storage(folder) as storage:
        anna, bert, cleo = [await enroll(storage.vault, name) for name in ("Anna", "Bert", "Cleo")]
        pairs = (
            ConfusablePair("Anna", "Bert", 0.4),
            ConfusablePair("Cleo", "Anna", 0.3),
            ConfusablePair("Bert", "Cleo", -0.1),
            ConfusablePair("Anna", "Nobody", 0.9),
        )
        report = Training("succeeded", confusable=pairs)
        await storage.vault.save_gallery(gallery_of(anna, bert, cleo), model=MODEL, report=report)
        await storage.vault.update_person(anna.person_id, name="Zoe")
        _, loaded = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
        assert loaded.confusable == (
            ConfusablePair("Zoe", "Bert", 0.4),
            ConfusablePair("Cleo", "Zoe", 0.3),
            ConfusablePair("Bert", "Cleo", -0.1),
        )

        await storage.vault.delete_person(anna.person_id)
        _, loaded = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)

    assert loaded.confusable == (ConfusablePair("Bert", "Cleo", -0.1),)


async def test_the_check_of_a_training_is_kept(folder: Path) -> None:
    """Numbers and advice stay; faces go by the names persons have now, and leave with the face or the person."""
    check = Check(3, True, 3, 2, 0, 1, "keep", 0.5, "the threshold of 0.50 suits these people")
    async with open_storage(folder) as storage:
        anna, bert = [await enroll(storage.vault, name, 2) for name in ("Anna", "Bert")]
        weak = tuple(WeakFace(person.name, face_id, 0.25) for person in (anna, bert) for face_id in person.face_ids)
        tried = tuple(TriedFace(face.name, face.face_id, right=True) for face in weak)
        report = Training("succeeded", weak=weak, check=check, tried=tried)
        await storage.vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=report)
        await storage.vault.update_person(anna.person_id, name="Zoe")
        await storage.vault.delete_template(anna.person_id, anna.face_ids[0])
        await storage.vault.delete_person(bert.person_id)

    async with open_storage(folder) as storage:
        _, loaded = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)

    assert loaded.check == check
    assert loaded.weak == (WeakFace("Zoe", anna.face_ids[1], 0.25),)
    assert loaded.tried == (TriedFace("Zoe", anna.face_ids[1], right=True),)


@pytest.fixture
async def trained(folder: Path) -> Path:
    """A closed data folder with twenty persons and gallery 1, large enough that saving takes many writes."""
    async with open_storage(folder) as storage:
        people = [await storage.vault.create_person(f"Person {index:02}") for index in range(20)]
        await storage.vault.save_gallery(gallery_of(*people, rows=20, width=128), model=MODEL, report=DONE)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("killer", ["statement", "tick", "byte"])
async def test_a_training_that_is_killed_leaves_the_old_version(trained: Path, killer: str) -> None:
    """Killed before any statement, inside statements or while COMMIT writes: version 1 is current and whole."""
    async with open_storage(trained) as storage:
        before, _ = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)

    *killed, survived = crashed(trained, "save", killer)

    assert len(killed) >= 8
    for copy in killed:
        async with open_storage(copy) as storage:
            gallery, report = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
            assert_same(before, gallery)
            assert report.gallery == 1
            assert count(copy, "gallery_parts") == 20
            assert (await storage.vault.save_gallery(gallery, model=MODEL, report=DONE)).gallery == 2
        with raw(copy) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with open_storage(survived) as storage:
        gallery, _ = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert (gallery.version, float(np.abs(gallery.vectors).max())) == (2, 0.0)


async def test_two_trainings_at_once_do_not_mix(trained: Path) -> None:
    """Two processes that train get versions of their own; at any time the current one is wholly one process's."""
    async with open_storage(trained) as storage:
        empty = gallery_of(*await storage.vault.people(), rows=1, width=128)
        empty.vectors[:] = 0
        await storage.vault.save_gallery(empty, model=MODEL, report=DONE)
        with Child("train", trained, "1") as one, Child("train", trained, "2") as two:
            for child in (one, two):
                child.ready()
            for child in (one, two):
                child.go()
            seen = []
            while one.running() or two.running():
                gallery, report = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
                assert len(set(gallery.vectors.flat)) == 1
                assert gallery.version == report.gallery
                seen.append(gallery.version)
            versions = [*one.result(), *two.result()]
        gallery, _ = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)

    assert sorted(versions) == list(range(3, 33))
    assert seen == sorted(seen)
    assert gallery.version == 32
    assert gallery.vectors.shape == (400, 128)
    assert count(trained, "galleries") == 3


async def test_what_another_process_did_is_noticed_once(folder: Path) -> None:
    """`changed` is True once after another process wrote, and what it wrote is read; own writes do not count."""
    async with open_storage(folder) as storage:
        await storage.vault.create_person("Anna")
        assert not await storage.vault.changed()
        with Child("rename", folder, "Anna,Bea") as child:
            child.result()

        assert await storage.vault.changed()
        assert not await storage.vault.changed()
        assert [person.name for person in await storage.vault.people()] == ["Bea"]


async def test_processes_may_create_the_folder_at_once(folder: Path) -> None:
    """Four processes start on a folder that does not exist: one key, one database, and everybody's people."""
    with (
        Child("create", folder, "Anna") as a,
        Child("create", folder, "Bert") as b,
        Child("create", folder, "Cleo") as c,
        Child("create", folder, "Dora") as d,
    ):
        for child in (a, b, c, d):
            child.ready()
        for child in (a, b, c, d):
            child.go()
        for child in (a, b, c, d):
            child.result()

    async with open_storage(folder) as storage:
        assert [person.name for person in await storage.vault.people()] == ["Anna", "Bert", "Cleo", "Dora"]
        assert len(await storage.vault.templates(MODEL)) == 8
