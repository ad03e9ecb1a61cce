"""What the operating system and SQLite complain about, said in plain words with what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uSense.core.errors import StorageDamagedError, StorageError

_REPLACE = "`usense run` and `usense restore FILE` move it aside and go on with a backup"
READ_ONLY = (
    "{path} is read-only: give the user running uSense write permission on it and on its folder, "
    "and check that the disk is mounted writable"
)
_SQLITE = {
    sqlite3.SQLITE_FULL: "the disk with {path} is full: free some space; what was saved before is kept",
    sqlite3.SQLITE_BUSY: (
        "{path} has been locked by another process for {wait:g} s: "
        "end that process (a second uSense or a database tool) and try again"
    ),
    sqlite3.SQLITE_CORRUPT: f"{{path}} is damaged: {_REPLACE}",
    sqlite3.SQLITE_NOTADB: f"{{path}} is not a database, or its beginning is damaged: {_REPLACE}",
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: (
        "{path} cannot be opened: give the user running uSense write permission on it and on its folder"
    ),
    sqlite3.SQLITE_PERM: "{path} cannot be opened: give the user running uSense write permission on it",
    sqlite3.SQLITE_IOERR: "the disk failed on {path} ({name}): check the disk or SD card and the space left on it",
    sqlite3.SQLITE_PROTOCOL: "{path} cannot be locked: set data_dir to a folder on a local disk",
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DAMAGED_WORDS = ("unsupported file format", "malformed")
"""How SQLite complains about a damaged schema or its damaged number, with the code of a mistake in SQL."""
_OS = {
    errno.EACCES: "{path} cannot be used by the user running uSense (uid {uid}): give this user write permission, "
    "or set data_dir to another folder",
    errno.EROFS: "{path} is on a disk mounted read-only: mount it writable, or set data_dir to another folder",
    errno.ENOSPC: "the disk with {path} is full: free some space; what was saved before is kept",
    errno.EEXIST: "{path} is a file where a folder is needed: move it away, or set data_dir to another folder",
    errno.ENOTDIR: "a part of {path} is a file where a folder is needed: set data_dir to another folder",
    errno.EISDIR: "{path} is a folder where a file is needed: move it away, or set data_dir to another folder",
}
_OS |= {
    errno.EPERM: _OS[errno.EACCES],
    errno.EDQUOT: _OS[errno.ENOSPC],
}


class DamagedError(sqlite3.DatabaseError):
    """What was read cannot have been written by uSense."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


@contextmanager
def parsing() -> Iterator[None]:
    """Around everything that takes stored values apart: what does not fit is damage, not a bug."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedError from error


@contextmanager
def doubting(connection: sqlite3.Connection) -> Iterator[None]:
    """Around work with stored values: what breaks on one is damage if SQLite finds any in the file, else a bug."""
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        try:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error:
            found = ""
        if found == "ok":
            raise
        raise DamagedError from error


@contextmanager
def plain_words(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Turn OSError and what SQLite says about the file or the disk into StorageError; mistakes in SQL stay bugs."""
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite quotes the damaged place, and Python cannot read it.
        raise StorageDamagedError(_SQLITE[sqlite3.SQLITE_CORRUPT].format(path=path)) from error
    except sqlite3.Error as error:
        sentence = _SQLITE.get(primary_code(error))
        if sentence is None:
            raise
        name = getattr(error, "sqlite_errorname", "")
        leaf = StorageDamagedError if primary_code(error) in _DAMAGED else StorageError
        raise leaf(sentence.format(path=path, wait=wait, name=name)) from error
    except OSError as error:
        sentence = _OS.get(error.errno or 0, "{path} cannot be used ({reason}): check the disk and data_dir")
        raise StorageError(sentence.format(path=path, uid=os.geteuid(), reason=error.strerror)) from error


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; text that is not UTF-8 counts as damage, though Python gives it no code."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return sqlite3.SQLITE_CORRUPT if isinstance(error, sqlite3.OperationalError) else sqlite3.SQLITE_MISUSE
    said = str(error)
    spoiled = code == sqlite3.SQLITE_ERROR and (said.startswith(_DAMAGED_WORDS) or said.endswith(" already exists"))
    if spoiled or code == sqlite3.SQLITE_TOOBIG:
        return sqlite3.SQLITE_CORRUPT
    return code & 0xFF
