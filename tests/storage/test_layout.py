"""The tables on disk: what version 1 looks like, and how steps are taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.storage.samples import raw
from uSense.core.events import Notice
from uSense.core.matching import Metric
from uSense.core.models import ConfusablePair, Person, Training
from uSense.ports import Snap
from uSense.storage import layout, open_storage

VERSION_1 = """
PRAGMA application_id = 1968399726;
PRAGMA user_version = 1;
CREATE TABLE installation (
    id INTEGER PRIMARY KEY CHECK (id = 1), key_check BLOB NOT NULL, erasing INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE persons (
    number INTEGER PRIMARY KEY, person_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE,
    user_data TEXT NOT NULL, key BLOB NOT NULL) STRICT;
CREATE TABLE faces (
    number INTEGER PRIMARY KEY, face_id TEXT NOT NULL UNIQUE,
    person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
    model TEXT NOT NULL, vectors BLOB NOT NULL) STRICT;
CREATE INDEX faces_of_person ON faces (person_id);
CREATE TABLE galleries (version INTEGER PRIMARY KEY, model TEXT NOT NULL, report TEXT NOT NULL) STRICT;
CREATE TABLE gallery_parts (
    number INTEGER PRIMARY KEY, version INTEGER NOT NULL REFERENCES galleries (version) ON DELETE CASCADE,
    person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
    face_ids TEXT NOT NULL, vectors BLOB NOT NULL, UNIQUE (version, person_id)) STRICT;
CREATE INDEX gallery_parts_of_person ON gallery_parts (person_id);
CREATE TABLE confusable (
    number INTEGER PRIMARY KEY, version INTEGER NOT NULL REFERENCES galleries (version) ON DELETE CASCADE,
    a TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
    b TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE, score REAL NOT NULL) STRICT;
CREATE TABLE notices (number INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, data TEXT NOT NULL) STRICT;
"""
"""The first layout, written down once more: files with it exist, so it must open for ever."""

INSTALLATION = bytes(range(32))


def seal(key: bytes, plain: bytes, about: str) -> bytes:
    """Nonce, AES-256-GCM ciphertext and tag, bound to `about`."""
    return b"twelve bytes" + AESGCM(key).encrypt(b"twelve bytes", plain, about.encode())


def build_version_1(folder: Path) -> None:
    """A data folder as the first uSense wrote it: Anna and Bert, one face and one gallery part each, one notice."""
    folder.mkdir()
    (folder / "key").write_bytes(INSTALLATION)
    report = (
        '{"state": "succeeded", "persons": 2, "faces": 2, "seconds": 0.5, "finished_at": 1790000000.0, "message": ""}'
    )
    with raw(folder) as connection:
        connection.executescript(VERSION_1)
        connection.execute("INSERT INTO installation VALUES (1, ?, 0)", (seal(INSTALLATION, b"", "key check"),))
        connection.execute("INSERT INTO galleries VALUES (7, 'net', ?)", (report,))
        for number, name in enumerate(("Anna", "Bert"), 1):
            person, face, key = f"p{number}", f"f{number}", bytes([number]) * 32
            wrapped = seal(INSTALLATION, key, f"person\0{person}")
            connection.execute(
                "INSERT INTO persons VALUES (?, ?, ?, ?, 'note', ?)", (number, person, name, name.lower(), wrapped)
            )
            vector = b"\x02\0\0\0" + np.array([number, 0.5], "<f4").tobytes()
            connection.execute(
                "INSERT INTO faces VALUES (?, ?, ?, 'net', ?)",
                (number, face, person, seal(key, vector, f"face\0{person}\0{face}\0net")),
            )
            connection.execute(
                "INSERT INTO gallery_parts VALUES (?, 7, ?, ?, ?)",
                (number, person, f'["{face}"]', seal(key, vector, f"gallery\0{person}\x007\0net")),
            )
        connection.execute("INSERT INTO confusable VALUES (1, 7, 'p1', 'p2', 0.25)")
        connection.execute("INSERT INTO notices VALUES (5, 'person.enrolled', '{\"name\": \"Anna\"}')")


async def test_a_file_of_version_1_opens(folder: Path) -> None:
    """What the first uSense wrote is read whole: people, templates, gallery, report and notices."""
    build_version_1(folder)

    async with open_storage(folder) as storage:
        people = await storage.vault.people()
        templates = await storage.vault.templates("net")
        gallery, report = await storage.vault.load_gallery("net", Metric.EUCLIDEAN)
        notices = await storage.journal.pending(9)
        assert await storage.vault.snaps("p1") == [Snap("f1", None, pictured=False)]

    assert people == [
        Person("p1", "Anna", "note", ("f1",), trained=True),
        Person("p2", "Bert", "note", ("f2",), trained=True),
    ]
    assert [(t.person_id, t.face_id, t.vector.tolist()) for t in templates] == [
        ("p1", "f1", [1.0, 0.5]),
        ("p2", "f2", [2.0, 0.5]),
    ]
    assert (gallery.version, gallery.names, gallery.vectors.tolist()) == (7, ("Anna", "Bert"), [[1.0, 0.5], [2.0, 0.5]])
    assert report == Training(
        "succeeded", 7, 2, 2, 0.5, 1790000000.0, confusable=(ConfusablePair("Anna", "Bert", 0.25),)
    )
    assert notices == [(5, Notice("person.enrolled", {"name": "Anna"}, lasting=True))]


def test_the_first_step_makes_version_1(folder: Path, tmp_path: Path) -> None:
    """It is never edited: it makes exactly the tables that are out there."""
    build_version_1(tmp_path / "old")
    folder.mkdir()
    with raw(folder) as connection:
        layout.migrate(connection, layout.STEPS[:1])

    assert tables(tmp_path / "old") == tables(folder)


async def test_an_old_file_ends_with_the_tables_of_a_new_one(folder: Path, tmp_path: Path) -> None:
    """The steps lead to the same place from everywhere."""
    build_version_1(tmp_path / "old")
    for place in (tmp_path / "old", folder):
        async with open_storage(place):
            pass

    assert tables(tmp_path / "old") == tables(folder)


def tables(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Columns, indices and references of every table."""
    with raw(folder) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
        return {
            name: [
                row
                for pragma in ("table_xinfo", "index_xinfo", "foreign_key_list")
                for row in connection.execute(f"PRAGMA {pragma}({name})")
            ]
            for name in names
        }


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty database."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


FIRST: layout.Step = ("CREATE TABLE cats (name TEXT)", "INSERT INTO cats VALUES ('Tom')")
SECOND: layout.Step = ("ALTER TABLE cats ADD COLUMN legs INTEGER DEFAULT 4",)


def test_only_missing_steps_are_taken(connection: sqlite3.Connection) -> None:
    """A file of layout 1 gets step 2 alone, keeps its rows, and is marked as uSense's."""
    layout.migrate(connection, [FIRST])
    layout.migrate(connection, [FIRST, SECOND])
    layout.migrate(connection, [FIRST, SECOND])

    assert connection.execute("SELECT * FROM cats").fetchall() == [("Tom", 4)]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert connection.execute("PRAGMA application_id").fetchone() == (layout.APPLICATION_ID,)


def test_a_step_that_fails_leaves_the_old_layout(connection: sqlite3.Connection) -> None:
    """All missing steps are taken in one transaction or none."""
    layout.migrate(connection, [FIRST])
    connection.execute("BEGIN IMMEDIATE")

    with pytest.raises(sqlite3.OperationalError):
        layout.migrate(connection, [FIRST, SECOND, ("INSERT INTO dogs VALUES (1)",)])
    connection.execute("ROLLBACK")

    assert connection.execute("SELECT * FROM cats").fetchall() == [("Tom",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
