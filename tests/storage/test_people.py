"""Persons and faces in SQLite, beyond what every vault must do."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

import pytest

from tests.storage.samples import DONE, MODEL, enroll, find, gallery_of, raw, vectors
from uSense.core.errors import NotFoundError, StorageError
from uSense.core.matching import Metric
from uSense.storage import Storage, open_storage


async def test_ids_are_random_uuids(storage: Storage) -> None:
    """Persons and faces get UUIDs of version 4."""
    anna = await enroll(storage.vault, "Anna")

    assert uuid.UUID(anna.person_id).version == 4
    assert uuid.UUID(anna.face_ids[0]).version == 4


async def test_everything_survives_a_restart(folder: Path) -> None:
    """People, data, faces and their order are there again after closing and opening."""
    async with open_storage(folder) as storage:
        await storage.vault.create_person("Bert", '{"phone": "7"}')
        await enroll(storage.vault, "Anna", faces=12)
        before = await storage.vault.people(), [t.face_id for t in await storage.vault.templates(MODEL)]
    async with open_storage(folder) as storage:
        after = await storage.vault.people(), [t.face_id for t in await storage.vault.templates(MODEL)]

    assert before == after


async def test_broken_unicode_in_an_id_is_not_found(storage: Storage) -> None:
    """JSON can carry half a surrogate pair: such an id exists nowhere."""
    anna = await enroll(storage.vault, "Anna")

    with pytest.raises(NotFoundError):
        await storage.vault.delete_person("\ud800")
    with pytest.raises(NotFoundError):
        await storage.vault.delete_template(anna.person_id, "\udfff")


async def test_templates_are_not_readable_in_the_file(folder: Path) -> None:
    """Neither templates nor gallery vectors nor keys lie in the files as plain bytes."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        gallery = gallery_of(anna, seed=9)
        await storage.vault.save_gallery(gallery, model=MODEL, report=DONE)
    stored = (folder / "usense.sqlite3").read_bytes()

    assert b"Anna" in stored
    for row in (*vectors(), *gallery.vectors):
        assert row.tobytes()[:12] not in stored
    assert (folder / "key").read_bytes()[:12] not in stored


TAMPER = {
    "changed bytes in a template": "UPDATE templates SET vectors = "
    "CAST(substr(vectors, 1, 20) || x'0000' || substr(vectors, 23) AS BLOB)",
    "a truncated template": "UPDATE templates SET vectors = substr(vectors, 1, 9)",
    "an empty template": "UPDATE templates SET vectors = x''",
    "a template under another model": "UPDATE templates SET model = 'test-net', vectors = "
    "(SELECT vectors FROM templates WHERE model = 'other-net') WHERE model = 'test-net'",
    "a template of another person": "UPDATE templates SET vectors = (SELECT vectors FROM templates JOIN faces USING "
    "(face_id) JOIN persons USING (person_id) WHERE name = 'Bert') WHERE face_id = (SELECT face_id FROM faces JOIN "
    "persons USING (person_id) WHERE name = 'Anna')",
    "a damaged key": "UPDATE persons SET key = CAST(x'0000' || substr(key, 3) AS BLOB)",
    "the key of another person": "UPDATE persons SET key = (SELECT key FROM persons WHERE name = 'Bert') "
    "WHERE name = 'Anna'",
}


@pytest.mark.parametrize("tamper", TAMPER)
async def test_a_template_that_was_changed_names_its_person(folder: Path, tamper: str) -> None:
    """What cannot be decrypted is an error that names the person and says what to do, never garbage."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        await storage.vault.add_template(anna.person_id, "other-net", list(vectors()))
        await enroll(storage.vault, "Bert")
    with raw(folder) as connection:
        connection.execute(TAMPER[tamper])

    async with open_storage(folder) as storage:
        with pytest.raises(StorageError, match=r"faces of 'Anna' cannot be decrypted.*: put back a backup, or forget"):
            await storage.vault.templates(MODEL)
        await storage.vault.delete_person(anna.person_id)


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE gallery_parts SET vectors = CAST(substr(vectors, 1, 30) || x'0000' || substr(vectors, 33) AS BLOB)",
        "UPDATE gallery_parts SET vectors = (SELECT vectors FROM gallery_parts WHERE version = 1) WHERE version = 2",
    ],
)
async def test_a_gallery_that_was_changed_names_its_person(folder: Path, tamper: str) -> None:
    """A part of a gallery that was changed, or comes from an older version, is an error too."""
    async with open_storage(folder) as storage:
        anna = await enroll(storage.vault, "Anna")
        for seed in (1, 2):
            await storage.vault.save_gallery(gallery_of(anna, seed=seed), model=MODEL, report=DONE)
    with raw(folder) as connection:
        connection.execute(tamper)

    async with open_storage(folder) as storage:
        with pytest.raises(StorageError, match="faces of 'Anna' cannot be decrypted"):
            await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)


async def test_a_damaged_key_takes_no_new_face(folder: Path) -> None:
    """Nothing is added for a person whose key is damaged: it could never be read again."""
    async with open_storage(folder) as storage:
        anna = await storage.vault.create_person("Anna")
    with raw(folder) as connection:
        connection.execute("UPDATE persons SET key = x'00'")

    async with open_storage(folder) as storage:
        with pytest.raises(StorageError, match="'Anna'"):
            await storage.vault.add_template(anna.person_id, MODEL, list(vectors()))
        with pytest.raises(StorageError, match="'Anna'"):
            await storage.vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
        _, report = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
    assert report.state == "never"


async def test_each_person_has_a_key_of_their_own(storage: Storage) -> None:
    """No two persons share a wrapped or an unwrapped key."""
    for name in ("Anna", "Bert", "Cleo"):
        await storage.vault.create_person(name)

    def unwrapped(connection: sqlite3.Connection) -> set[bytes]:
        rows = connection.execute("SELECT person_id, key FROM persons")
        return {storage.vault._keys.unwrap(key, person_id) for person_id, key in rows}

    assert len(await storage.vault._database.read(unwrapped)) == 3
    assert repr(storage.vault._keys.installation) not in repr(storage.vault._keys)


async def test_a_rename_keeps_everything_else(storage: Storage) -> None:
    """Only the name changes: faces, data and the trained state stay."""
    anna = await enroll(storage.vault, "Anna", faces=2)
    await storage.vault.save_gallery(gallery_of(anna), model=MODEL, report=DONE)
    before = await find(storage.vault, anna.person_id)

    after = await storage.vault.update_person(anna.person_id, name="Anna Maria")

    assert before.trained
    assert (before.face_ids, before.trained) == (after.face_ids, after.trained)
    assert after == await find(storage.vault, anna.person_id)
