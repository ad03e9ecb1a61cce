"""Bytes that changed in sealed content: the service goes on, and loses as little as possible."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.storage.samples import DONE, MODEL, enroll, find, gallery_of, raw, vectors
from uSense.core.matching import Metric
from uSense.storage import open_storage


@pytest.fixture
async def used(folder: Path) -> Path:
    """A closed folder: Anna with a crop and an automatic backup, Bert with a face that came later."""
    async with open_storage(folder) as storage:
        anna, bert = await enroll(storage.vault, "Anna"), await enroll(storage.vault, "Bert")
        await storage.vault.add_template(anna.person_id, MODEL, list(vectors(seed=3)), b"picture")
        await storage.vault.save_gallery(gallery_of(anna, bert), model=MODEL, report=DONE)
        await storage.archive.keep("auto")
        await storage.vault.add_template(bert.person_id, MODEL, list(vectors(seed=4)), b"late")
    return folder


def flip(folder: Path, statement: str) -> None:
    """Change bytes behind the product's back."""
    with raw(folder) as connection:
        connection.create_function("flipped", 1, lambda blob: blob[:20] + bytes([blob[20] ^ 1]) + blob[21:])
        connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "refilled"),
    [
        ("UPDATE templates SET vectors = flipped(vectors)", 3),
        ("UPDATE faces SET crop = flipped(crop) WHERE crop IS NOT NULL", 1),
        ("UPDATE persons SET key = flipped(key)", 4),
        ("UPDATE gallery_parts SET vectors = flipped(vectors)", 0),
        ("UPDATE templates SET vectors = x''", 3),
    ],
)
async def test_a_start_goes_on_with_what_is_sound(used: Path, statement: str, refilled: int) -> None:
    """Damaged parts come back from the backup if it has them, and who was harmed is told, once."""
    flip(used, statement)

    for _ in range(2):
        async with open_storage(used, mend=True) as storage:
            vault = storage.vault
            people = await vault.people()
            templates = await vault.templates(MODEL)
            gallery, _ = await vault.load_gallery(MODEL, Metric.EUCLIDEAN)
            assert [person.name for person in people] == ["Anna", "Bert"]
            for place in await vault.lacking("another"):
                assert await vault.crop(*place)
            notices = [notice for _, notice in await storage.journal.pending(9)]

    assert not list(used.glob("damaged-*"))
    (notice,) = notices
    assert (notice.type, notice.data["refilled"]) == ("storage.healed", refilled)
    assert {template.person_id for template in templates} == {person.person_id for person in people}
    assert set(gallery.names) <= {"Anna", "Bert"}


async def test_a_template_without_backup_is_made_of_the_crop(used: Path) -> None:
    """Bert's late face lost its template, but its crop is there: it is among those to be renewed."""
    flip(used, "UPDATE templates SET vectors = flipped(vectors) WHERE number = 4")

    async with open_storage(used, mend=True) as storage:
        ((person_id, face_id),) = await storage.vault.lacking(MODEL)
        bert = await find(storage.vault, person_id)

    assert bert.name == "Bert"
    assert bert.face_ids[-1] == face_id
    assert not bert.trained


async def test_who_is_harmed_can_be_enrolled_again(used: Path) -> None:
    """Also without any backup, and with a key that is lost."""
    for path in (used / "backups").iterdir():
        path.unlink()
    flip(used, "UPDATE persons SET key = x'00' WHERE name = 'Anna'")

    async with open_storage(used, mend=True) as storage:
        anna = next(person for person in await storage.vault.people() if person.name == "Anna")
        assert (anna.trained, anna.enroll_again) == (False, True)
        await storage.vault.add_template(anna.person_id, MODEL, list(vectors()))
        assert {t.person_id for t in await storage.vault.templates(MODEL)} >= {anna.person_id}


async def test_a_sound_folder_is_left_alone(used: Path) -> None:
    """Nothing is written or told."""
    before = await asyncio.to_thread((used / "usense.sqlite3").read_bytes)
    async with open_storage(used, mend=True) as storage:
        assert await storage.journal.pending(9) == []
    assert before == await asyncio.to_thread((used / "usense.sqlite3").read_bytes)
