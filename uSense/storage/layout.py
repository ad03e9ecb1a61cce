"""The tables of `usense.sqlite3`, as an ordered list of steps; `PRAGMA user_version` counts the steps taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

from uSense.core.errors import StorageError
from uSense.storage import happened, mypages, rejections, strangers, untold
from uSense.storage.trouble import DamagedError

APPLICATION_ID = 0x7553656E
"""`uSen`, so that `file` and uSense itself tell this database from another program's."""

Step: TypeAlias = tuple[str, ...]

STEPS: tuple[Step, ...] = (
    (
        """CREATE TABLE installation (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            key_check BLOB NOT NULL,
            erasing INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        """CREATE TABLE persons (
            number INTEGER PRIMARY KEY,
            person_id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            folded TEXT NOT NULL UNIQUE,
            user_data TEXT NOT NULL,
            key BLOB NOT NULL
        ) STRICT""",
        """CREATE TABLE faces (
            number INTEGER PRIMARY KEY,
            face_id TEXT NOT NULL UNIQUE,
            person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
            model TEXT NOT NULL,
            vectors BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX faces_of_person ON faces (person_id)",
        """CREATE TABLE galleries (
            version INTEGER PRIMARY KEY,
            model TEXT NOT NULL,
            report TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE gallery_parts (
            number INTEGER PRIMARY KEY,
            version INTEGER NOT NULL REFERENCES galleries (version) ON DELETE CASCADE,
            person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
            face_ids TEXT NOT NULL,
            vectors BLOB NOT NULL,
            UNIQUE (version, person_id)
        ) STRICT""",
        "CREATE INDEX gallery_parts_of_person ON gallery_parts (person_id)",
        """CREATE TABLE confusable (
            number INTEGER PRIMARY KEY,
            version INTEGER NOT NULL REFERENCES galleries (version) ON DELETE CASCADE,
            a TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
            b TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
            score REAL NOT NULL
        ) STRICT""",
        """CREATE TABLE notices (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            type TEXT NOT NULL,
            data TEXT NOT NULL
        ) STRICT""",
    ),
    (
        "DROP INDEX faces_of_person",
        "ALTER TABLE faces RENAME TO old_faces",
        """CREATE TABLE faces (
            number INTEGER PRIMARY KEY,
            face_id TEXT NOT NULL UNIQUE,
            person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
            crop BLOB
        ) STRICT""",
        "INSERT INTO faces SELECT number, face_id, person_id, NULL FROM old_faces",
        "CREATE INDEX faces_of_person ON faces (person_id)",
        """CREATE TABLE templates (
            number INTEGER PRIMARY KEY,
            face_id TEXT NOT NULL REFERENCES faces (face_id) ON DELETE CASCADE,
            model TEXT NOT NULL,
            vectors BLOB NOT NULL,
            UNIQUE (face_id, model)
        ) STRICT""",
        "INSERT INTO templates SELECT number, face_id, model, vectors FROM old_faces",
        "DROP TABLE old_faces",
        # The model whose templates and galleries count; empty before the first training.
        "ALTER TABLE installation ADD COLUMN model TEXT NOT NULL DEFAULT ''",
        # Models with templates that were made of kept crops and that no gallery knows yet.
        "CREATE TABLE renewed (model TEXT PRIMARY KEY) STRICT",
        """CREATE TABLE tombstones (
            number INTEGER PRIMARY KEY,
            salt BLOB NOT NULL,
            person BLOB NOT NULL,
            key BLOB NOT NULL
        ) STRICT""",
        # Tombstones to be of those who became part of another person, for the day that person is erased.
        """CREATE TABLE merged (
            number INTEGER PRIMARY KEY,
            person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
            salt BLOB NOT NULL,
            person BLOB NOT NULL,
            key BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX merged_into_person ON merged (person_id)",
    ),
    untold.SCHEMA,
    (
        # Galleries that clients of the served contract make, apart from the people of the house.
        """CREATE TABLE served_groups (
            number INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            group_id TEXT NOT NULL,
            uid TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            user_data TEXT,
            model TEXT NOT NULL,
            training TEXT NOT NULL,
            UNIQUE (kind, group_id)
        ) STRICT""",
        """CREATE TABLE served_persons (
            number INTEGER PRIMARY KEY,
            person_id TEXT NOT NULL UNIQUE,
            group_number INTEGER NOT NULL REFERENCES served_groups (number) ON DELETE CASCADE,
            name TEXT NOT NULL,
            user_data TEXT,
            key BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX served_persons_of_group ON served_persons (group_number, person_id)",
        """CREATE TABLE served_faces (
            number INTEGER PRIMARY KEY,
            face_id TEXT NOT NULL UNIQUE,
            person_id TEXT NOT NULL REFERENCES served_persons (person_id) ON DELETE CASCADE,
            user_data TEXT,
            crop BLOB
        ) STRICT""",
        "CREATE INDEX served_faces_of_person ON served_faces (person_id)",
        """CREATE TABLE served_templates (
            number INTEGER PRIMARY KEY,
            face_id TEXT NOT NULL REFERENCES served_faces (face_id) ON DELETE CASCADE,
            model TEXT NOT NULL,
            vectors BLOB NOT NULL,
            UNIQUE (face_id, model)
        ) STRICT""",
        # What a group's last successful training fixed; `mark` tells it from all others.
        """CREATE TABLE served_galleries (
            number INTEGER PRIMARY KEY,
            group_number INTEGER NOT NULL UNIQUE REFERENCES served_groups (number) ON DELETE CASCADE,
            model TEXT NOT NULL,
            mark TEXT NOT NULL UNIQUE
        ) STRICT""",
        """CREATE TABLE served_parts (
            number INTEGER PRIMARY KEY,
            mark TEXT NOT NULL REFERENCES served_galleries (mark) ON DELETE CASCADE,
            person_id TEXT NOT NULL REFERENCES served_persons (person_id) ON DELETE CASCADE,
            vectors BLOB NOT NULL,
            UNIQUE (mark, person_id)
        ) STRICT""",
        "CREATE INDEX served_parts_of_person ON served_parts (person_id)",
        # What of the house's people stands at a cloud backend.
        """CREATE TABLE twin_persons (
            number INTEGER PRIMARY KEY,
            account TEXT NOT NULL,
            person_id TEXT NOT NULL REFERENCES persons (person_id) ON DELETE CASCADE,
            remote_id TEXT NOT NULL,
            remote_name TEXT NOT NULL,
            UNIQUE (account, person_id),
            UNIQUE (account, remote_id)
        ) STRICT""",
        "CREATE INDEX twin_persons_of_person ON twin_persons (person_id)",
        """CREATE TABLE twin_faces (
            number INTEGER PRIMARY KEY,
            account TEXT NOT NULL,
            person_id TEXT NOT NULL,
            face_id TEXT NOT NULL REFERENCES faces (face_id) ON DELETE CASCADE,
            remote_id TEXT NOT NULL,
            trained INTEGER NOT NULL DEFAULT 0,
            UNIQUE (account, face_id),
            FOREIGN KEY (account, person_id) REFERENCES twin_persons (account, person_id) ON DELETE CASCADE
        ) STRICT""",
        "CREATE INDEX twin_faces_of_face ON twin_faces (face_id)",
        "CREATE INDEX twin_faces_of_person ON twin_faces (account, person_id)",
        # Persons at a backend whose person of the house is gone: to be deleted there.
        """CREATE TABLE twin_orphans (
            number INTEGER PRIMARY KEY,
            account TEXT NOT NULL,
            remote_id TEXT NOT NULL,
            UNIQUE (account, remote_id)
        ) STRICT""",
        """CREATE TRIGGER twin_is_orphaned BEFORE DELETE ON persons BEGIN
            INSERT OR IGNORE INTO twin_orphans (account, remote_id)
            SELECT account, remote_id FROM twin_persons WHERE person_id = OLD.person_id;
        END""",
        "CREATE TABLE twin_reports (account TEXT PRIMARY KEY, report TEXT NOT NULL) STRICT",
        """CREATE TABLE twin_notes (
            account TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (account, key)
        ) STRICT""",
    ),
    (*strangers.SCHEMA, *rejections.SCHEMA),
    # Seconds since 1970; nobody knows it of the faces that were there before.
    ("ALTER TABLE faces ADD COLUMN added_at INTEGER",),
    happened.SCHEMA,
    mypages.SCHEMA,
)


def check_origin(connection: sqlite3.Connection, path: Path, steps: Sequence[Step] = STEPS) -> None:
    """Raise StorageError for a database of another program or of a newer uSense; to be called in one transaction."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise StorageError(f"{path} is a database of another program: set data_dir to a folder of uSense's own")
    (taken,) = connection.execute("PRAGMA user_version").fetchone()
    if taken > len(steps):
        raise StorageError(
            f"{path} was written by a newer uSense (layout {taken}, this one knows {len(steps)}): "
            "install the newer uSense again, or choose another data_dir"
        )


def check_schema(connection: sqlite3.Connection) -> None:
    """Raise DamagedError if a table or trigger is not as the steps make it; what other programs added is left alone."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh)
        if not _schema(fresh) <= _schema(connection):
            raise DamagedError


def _schema(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Every table, index and trigger; how its text is spaced does not matter."""
    rows = connection.execute("SELECT type, name, tbl_name, CAST(ifnull(sql, '') AS TEXT) FROM sqlite_master")
    return {(kind, name, table, "".join(sql.split())) for kind, name, table, sql in rows}


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Take the steps that are missing; to be called inside one write transaction."""
    (taken,) = connection.execute("PRAGMA user_version").fetchone()
    if taken >= len(steps):
        return
    for step in steps[taken:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(steps)}")
