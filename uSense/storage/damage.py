"""A damaged database is moved aside, as it is, for whoever wants to look into it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from uSense.storage import tombstones, untold
from uSense.storage.tombstones import Tombstone
from uSense.storage.trouble import parsing, plain_words

PREFIX = "damaged-"
KEPT = 3
"""Damaged databases that stay; the oldest is deleted for a new one."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What could still be read of a damaged database: tombstones, waiting notices, and what was to become notices."""

    erased: tuple[Tombstone, ...] = ()
    notices: tuple[tuple[str, str], ...] = ()
    untold: tuple[tuple[str, str], ...] = ()


def folders(data_dir: Path) -> list[Path]:
    """Where damaged databases were moved, newest first."""
    return sorted((path for path in data_dir.glob(f"{PREFIX}*") if path.is_dir()), reverse=True)


def sentence(data_dir: Path) -> str:
    """What is there to say about them; empty if there are none."""
    moved = folders(data_dir)
    if not moved:
        return ""
    return f"the database was damaged and moved to {moved[0]}: check the disk or SD card, then delete that folder"


def move_aside(database: Path) -> Path:
    """Move the database with its side files into a folder of their own; raises StorageError."""
    with plain_words(database.parent):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        place = database.with_name(f"{PREFIX}{stamp}")
        place.mkdir(mode=0o700)
        # The log first: alone it does no harm, but beside another database it would be played into that.
        for ending in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                database.with_name(f"{database.name}{ending}").rename(place / f"{database.name}{ending}")
        for old in folders(database.parent)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
    return place


def remains(database: Path) -> Remains:
    """What can be read of a damaged database; nothing of it is changed."""
    erased: list[Tombstone] = []
    notices: list[tuple[str, str]] = []
    done: list[tuple[str, str]] = []
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        with suppress(sqlite3.Error):
            erased = tombstones.known(connection)
        with suppress(sqlite3.Error), parsing():
            for kind, data in connection.execute("SELECT type, data FROM notices ORDER BY number"):
                dict(json.loads(data))
                notices.append((kind, data))
        with suppress(sqlite3.Error):
            done = untold.of_people(connection)
    return Remains(tuple(erased), tuple(notices), tuple(done))
