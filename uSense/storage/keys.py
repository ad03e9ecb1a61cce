"""The installation's key file, and the keys of persons that it wraps."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag

from uSense.core.errors import StorageError
from uSense.storage import sealing
from uSense.storage.trouble import plain_words


@dataclass(frozen=True, slots=True)
class Keys:
    """Wraps and unwraps the keys of persons with the installation's key."""

    installation: bytes = field(repr=False)

    def wrap(self, key: bytes, person_id: str) -> bytes:
        """The person's key, sealed."""
        return sealing.seal(self.installation, key, "person", person_id)

    def unwrap(self, wrapped: bytes, person_id: str) -> bytes:
        """The person's key; raises InvalidTag."""
        return sealing.unseal(self.installation, wrapped, "person", person_id)


@contextmanager
def intact(name: str) -> Iterator[None]:
    """Say whose data were damaged or changed when they cannot be decrypted."""
    try:
        yield
    except InvalidTag as error:
        raise StorageError(
            f"the stored faces of {name!r} cannot be decrypted, the database was damaged or changed: "
            "put back a backup, or forget this person and enroll them again"
        ) from error


def unlock(connection: sqlite3.Connection, path: Path, others: Sequence[Path] = ()) -> Keys:
    """Read the key file, or create it while nothing depends on it; to be called in a write transaction.

    Raises StorageError for a key file that is missing, of the wrong size, not private or not this database's. `others`
    are files beside the database that depend on it, too.
    """
    query = "SELECT EXISTS (SELECT 1 FROM persons) OR EXISTS (SELECT 1 FROM served_persons)"
    (needed,) = connection.execute(query).fetchone()
    with plain_words(path):
        if not path.exists():
            if others and not needed:
                raise StorageError(
                    f"the key file {path} is missing, without it {others[0]} cannot be read: "
                    "put it back, or move what depends on it away to begin without people"
                )
            if needed:
                raise StorageError(
                    f"the key file {path} is missing, without it the stored faces cannot be read: "
                    f"put it back from a backup, or move {path.parent} away to begin without people"
                )
            _create(path)
        key = _read(path)
    row = connection.execute("SELECT key_check FROM installation").fetchone()
    if row is None or not _fits(key, row[0]):
        if needed:
            raise StorageError(
                f"the key file {path} does not belong to this database: put back the one that was made with it"
            )
        connection.execute(
            "INSERT INTO installation (id, key_check) VALUES (1, ?) "
            "ON CONFLICT (id) DO UPDATE SET key_check = excluded.key_check",
            (sealing.seal(key, b"", "key check"),),
        )
    return Keys(key)


def _fits(key: bytes, check: bytes) -> bool:
    try:
        sealing.unseal(key, check, "key check")
    except InvalidTag:
        return False
    return True


def _create(path: Path) -> None:
    # Whole or not there: a torn key file would lock everybody out. The write transaction keeps others away.
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, sealing.new_key())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> bytes:
    """The key in a file; StorageError if it is not private, or no key."""
    with plain_words(path):
        return _read(path)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        status = os.fstat(descriptor)
        if stat.S_IMODE(status.st_mode) & 0o077:
            if status.st_uid != os.geteuid():
                raise StorageError(f"the key file {path} can be read by other users: run `chmod 600 {path}`")
            os.fchmod(descriptor, 0o600)
        key = os.read(descriptor, sealing.KEY_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(key) != sealing.KEY_BYTES or status.st_size != sealing.KEY_BYTES:
        raise StorageError(
            f"the key file {path} has {status.st_size} bytes instead of {sealing.KEY_BYTES}: "
            "put the right one back from a backup"
        )
    return key
