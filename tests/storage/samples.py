"""Small galleries and vectors for tests of storage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from uSense.core.matching import Gallery, Metric
from uSense.core.models import Person, Training
from uSense.ports import Vault

MODEL = "test-net"
DONE = Training("succeeded", persons=2, faces=3, seconds=0.5, finished_at=1e9, message="well separated")


def vectors(count: int = 2, width: int = 8, *, seed: int = 0) -> NDArray[np.float32]:
    """`count` rows of random numbers."""
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def gallery_of(*people: Person, rows: int = 3, width: int = 8, seed: int = 0) -> Gallery:
    """A gallery with `rows` random vectors a person."""
    return Gallery(
        0,
        Metric.EUCLIDEAN,
        tuple(person.person_id for person in people),
        tuple(person.name for person in people),
        vectors(rows * len(people), width, seed=seed),
        np.repeat(np.arange(len(people), dtype=np.intp), rows),
    )


def assert_same(expected: Gallery, actual: Gallery) -> None:
    """Both hold the same persons with the same vectors under the same names and version."""
    assert expected.version == actual.version
    assert expected.person_ids == actual.person_ids
    assert expected.names == actual.names
    assert np.array_equal(expected.vectors, actual.vectors)
    assert np.array_equal(expected.owners, actual.owners)


async def enroll(vault: Vault, name: str, faces: int = 1, *, seed: int = 0) -> Person:
    """A person with faces of two vectors each, as the vault shows them."""
    person = await vault.create_person(name)
    for index in range(faces):
        await vault.add_template(person.person_id, MODEL, list(vectors(seed=seed + index)))
    return await find(vault, person.person_id)


async def find(vault: Vault, person_id: str) -> Person:
    """The person as the vault shows them now."""
    (person,) = [person for person in await vault.people() if person.person_id == person_id]
    return person


def visitors_secrets(folder: Path) -> list[bytes]:
    """Beginning, middle and end of every key, vector and crop of visitors, as they are stored."""
    query = (
        "SELECT key FROM visitors UNION ALL SELECT vector FROM visitor_faces UNION ALL SELECT crop FROM visitor_faces"
    )
    with raw(folder) as connection:
        blobs = [blob for (blob,) in connection.execute(query)]
    return [blob[at : at + 16] for blob in blobs for at in (0, len(blob) // 2, len(blob) - 16)]


def left(folder: Path, wanted: Iterable[bytes]) -> list[bytes]:
    """Which of `wanted` can be found in any file of the folder."""
    stored = b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return [part for part in wanted if part in stored]


@contextmanager
def raw(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database of `folder` behind the product's back; commits at the end."""
    connection = sqlite3.connect(folder / "usense.sqlite3", isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()
