"""Backup files: what they are called, how many stay, what is in them, and who must not be."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from uSense.core.errors import RequestError, StorageError
from uSense.ports import Backup, Restored
from uSense.storage import container, copies, damage, owners, strangers, tombstones
from uSense.storage.container import KeyFile, Passphrase, Sealed
from uSense.storage.copies import Content
from uSense.storage.keys import Keys
from uSense.storage.tombstones import Tombstone
from uSense.storage.trouble import plain_words
from uSense.times import rfc3339

FOLDER = "backups"
KIND = "backup"
FORMAT = 1
ENDING = ".usense"
KEPT = {"auto": 2, "asked": 5}
"""Backups of each kind that stay in the data folder."""
DAY = 86_400.0
"""Seconds after which an automatic backup is old."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that its lock opened: the copy of the database, and the keys its persons' keys are wrapped with."""

    source: str
    made_at: str
    data: bytes
    keys: Keys


class Backups:
    """The backups of one data folder; `cleaned` counts those that an erasure took somebody out of."""

    def __init__(self, data_dir: Path, keys: Keys) -> None:
        self.folder = data_dir / FOLDER
        self.cleaned = 0
        self.lock = KeyFile(keys.installation)
        self._data_dir = data_dir
        self.keys = keys

    @staticmethod
    def in_folder(data_dir: Path, kind: str = "") -> list[Path]:
        """Those in a data folder, newest first."""
        found = (data_dir / FOLDER).glob(f"{kind}*{ENDING}")
        return sorted(found, key=lambda path: path.name.partition("-")[2], reverse=True)

    def files(self, kind: str = "") -> list[Path]:
        """Those in the data folder, newest first."""
        return self.in_folder(self._data_dir, kind)

    def keep(self, kind: Literal["auto", "asked"], content: Content) -> Backup:
        """Write one into the data folder, locked with its key file; the oldest of its kind leave."""
        with plain_words(self.folder):
            self.folder.mkdir(mode=0o700, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        backup = self.write(self.folder / f"{kind}-{stamp}{ENDING}", content, self.lock)
        with plain_words(self.folder):
            for path in self.files(kind)[KEPT[kind] :]:
                path.unlink(missing_ok=True)
        return backup

    def write(self, path: Path, content: Content, lock: Passphrase | KeyFile) -> Backup:
        """Write one anywhere. With a passphrase the key file is inside, so that nothing else is needed."""
        head = {"made_at": rfc3339(time.time()), "gallery": content.gallery}
        key = self.keys.installation if isinstance(lock, Passphrase) else b""
        data = container.seal(KIND, FORMAT, key + content.data, lock, head)
        container.write(path, data)
        return Backup(path, len(data), content.people, content.served)

    def due(self, connection: sqlite3.Connection, now: float) -> bool:
        """Whether there are people, and the newest automatic backup is too old or of another gallery than now's."""
        # An empty database must not push out backups of one that was lost.
        if not owners.wrapped(connection):
            return False
        (gallery,) = connection.execute("SELECT coalesce(max(version), 0) FROM galleries").fetchone()
        with plain_words(self.folder):
            newest = next(iter(self.files("auto")), None)
        if newest is None:
            return True
        try:
            head = container.read(newest, KIND, FORMAT).head
            age = abs(now - datetime.fromisoformat(str(head.get("made_at"))).timestamp())
        except (RequestError, ValueError):
            return True
        return age > DAY or head.get("gallery") != gallery

    def opened(self, sealed: Sealed, lock: Passphrase | KeyFile) -> Opened:
        """What is in a backup; raises RequestError."""
        plain = sealed.plain(lock)
        made_at = str(sealed.head.get("made_at", ""))
        if isinstance(lock, KeyFile):
            return Opened(sealed.source, made_at, plain, Keys(lock.key))
        key, data = plain[: len(self.keys.installation)], plain[len(self.keys.installation) :]
        return Opened(sealed.source, made_at, data, Keys(key))

    def read(self, path: Path) -> Opened:
        """What is in a backup of the data folder; raises RequestError and StorageError."""
        return self.opened(container.read(path, KIND, FORMAT), self.lock)

    def restore(self, connection: sqlite3.Connection, backup: Opened) -> Restored:
        """Replace all people by those of a backup, but for who was erased; to be called in a write transaction.

        The key file stays: keys of persons are wrapped with it anew. Everything is checked before anything is changed.
        """
        tombstones_here = tombstones.known(connection)
        with copies.opened(backup.data, backup.source) as copy:
            copies.verify(copy, backup.keys, backup.source)
            marks = tombstones.known(copy)
            erased = owners.forget(copy, [*marks, *tombstones_here])
            copies.rewrap(copy, backup.keys, self.keys)
            content, after = copies.rows(copy), dict(_names(copy))
        before = dict(_names(connection))
        tombstones.keep(connection, *marks)
        copies.put_back(connection, content)
        gone = tuple(name for person_id, name in before.items() if person_id not in after)
        return Restored(backup.made_at, tuple(after.values()), gone, erased, served(connection))

    def restore_newest(self, connection: sqlite3.Connection) -> Restored | None:
        """Restore the newest automatic backup that is good; None if there is none."""
        for path in self.files("auto"):
            try:
                return self.restore(connection, self.read(path))
            except (RequestError, StorageError):
                continue
        return None

    def clean(self, connection: sqlite3.Connection) -> None:
        """Take erased persons out of every backup in the data folder, and leave their tombstones; StorageError."""
        erased = tombstones.known(connection)
        with plain_words(self.folder):
            for draft in self.folder.glob(".*.part"):
                draft.unlink(missing_ok=True)
        for path in self.files():
            try:
                sealed = container.read(path, KIND, FORMAT)
                rest = copies.without(sealed.plain(self.lock), str(path), erased)
            except RequestError:
                continue
            if rest is not None:
                data, gone = rest
                container.write(path, container.seal(KIND, FORMAT, data, self.lock, sealed.head))
                self.cleaned += gone > 0

    def erased(self) -> list[Tombstone]:
        """The tombstones in all backups of the data folder that can be read."""
        found: list[Tombstone] = []
        for path in self.files():
            with suppress(RequestError, StorageError):
                backup = self.read(path)
                with copies.opened(backup.data, backup.source) as copy:
                    found += tombstones.known(copy)
        return found

    def left(self, connection: sqlite3.Connection) -> list[str]:
        """What in the data folder was not freed of those who were erased, or cannot be, in plain words."""
        closed = []
        (erasing,) = connection.execute("SELECT max(erasing) FROM installation").fetchone()
        if erasing and erasing != strangers.ERASE_LATER:
            closed.append(
                "unused parts of the database file or of backups: another program reads it, or the disk is full; "
                "it is tried again"
            )
        for path in self.files():
            try:
                container.read(path, KIND, FORMAT).plain(self.lock)
            except RequestError:
                closed.append(f"{path.relative_to(self._data_dir)}: it cannot be opened; delete it if it is not needed")
        moved = [
            f"{path.name}: what was damaged; delete it if it is not needed" for path in damage.folders(self._data_dir)
        ]
        return closed + moved


def served(connection: sqlite3.Connection) -> int:
    """How many persons there are in served groups."""
    return int(connection.execute("SELECT count(*) FROM served_persons").fetchone()[0])


def _names(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT person_id, name FROM persons ORDER BY folded").fetchall()
