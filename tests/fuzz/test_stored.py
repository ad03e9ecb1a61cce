"""Files of the data folder after an accident: what is left is read right, or a sentence says what is wrong."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corpus import fuzzed
from tests.storage.samples import DONE, MODEL, gallery_of, vectors
from uSense.core.errors import StorageError
from uSense.core.events import Notice
from uSense.core.matching import Metric
from uSense.storage import open_storage

NAMES = ("Anna", "Bert", "Zoë")
FILE, KEY = "usense.sqlite3", "key"


_FOLDER = tempfile.TemporaryDirectory(prefix="usense-fuzz-")  # as long as the process


@cache
def intact() -> Path:
    """A data folder with people, a gallery and notices."""
    folder = Path(_FOLDER.name)

    async def fill() -> None:
        async with open_storage(folder) as storage:
            people = [await storage.vault.create_person(name, "note") for name in NAMES]
            for person in people:
                await storage.vault.add_template(person.person_id, MODEL, list(vectors()))
            await storage.vault.save_gallery(gallery_of(*people), model=MODEL, report=DONE)
            await storage.journal.append(Notice("train.finished", {"state": "succeeded"}, lasting=True))

    asyncio.run(fill())
    return folder


async def used(folder: Path) -> None:
    """Do everything that a service does with its folder; whatever is read must be what was stored."""
    async with open_storage(folder, wait=0.5) as storage:
        known = {person.person_id: person.name for person in await storage.vault.people()}
        for template in await storage.vault.templates(MODEL):
            assert any(np.array_equal(template.vector, row) for row in vectors())
        gallery, _ = await storage.vault.load_gallery(MODEL, Metric.EUCLIDEAN)
        assert set(gallery.names) <= set(known.values())
        for number, _ in await storage.journal.pending(10):
            await storage.journal.done(number)
        person = await storage.vault.create_person("New")
        await storage.vault.delete_person(person.person_id)


def problem(folder: Path) -> str:
    """What is wrong with a folder that is used, in words; nothing if all is well."""
    try:
        asyncio.run(used(folder))
    except StorageError as error:
        return str(error)
    return ""


@fuzzed(300)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12), length=st.sampled_from([1, 1, 4, 64, 4096]))
def test_a_damaged_database_is_read_right_or_refused(seed: int, count: int, length: int) -> None:
    """Bytes flipped anywhere: no wrong vector, no exception but StorageError."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(intact(), Path(place, "data")))
        data = bytearray((folder / FILE).read_bytes())
        generator = random.Random(seed)  # noqa: S311 - to be repeated
        for _ in range(count):
            at = generator.randrange(len(data))
            data[at : at + length] = generator.randbytes(len(data[at : at + length]))
        (folder / FILE).write_bytes(data)
        problem(folder)


@fuzzed(40)
@given(key=st.none() | st.binary(max_size=64) | st.binary(min_size=32, max_size=32))
def test_a_wrong_key_is_refused_and_never_replaced(key: bytes | None) -> None:
    """Any other key file, or none, while people are there: a sentence, and the file stays as it is."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(intact(), Path(place, "data")))
        (folder / KEY).unlink()
        if key is not None:
            (folder / KEY).write_bytes(key)
        assert "key file" in problem(folder)
        assert ((folder / KEY).read_bytes() if (folder / KEY).exists() else None) == key
