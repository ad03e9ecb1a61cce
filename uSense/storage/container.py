"""Files that leave the data folder: encrypted as a whole, with a passphrase or with the key file.

Two lines of text, then AES-256-GCM ciphertext that is bound to both lines: what it is with the version of its format,
and as JSON how it is locked, with what may be known of it without opening it.
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from uSense.core.errors import RequestError
from uSense.storage import sealing
from uSense.storage.trouble import plain_words

MOST_BYTES = 1 << 30
"""A larger file is neither written nor read: all of it is held in memory."""
SHORTEST = 8
"""Characters of a passphrase."""
_COST, _BLOCK, _LANES = 1 << 16, 8, 1
"""64 MB and a quarter of a second on a PC for each guess at a passphrase; a Pi has enough of both."""
_MOST_COST = 1 << 20
_SALT = 16
_LONGEST_LINE = 4096


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Opens the file wherever it is."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Opens the file where the key file is."""

    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file that was read and not opened; `head` may be looked at, and is only trusted once `plain` succeeds."""

    source: str
    version: int
    head: Mapping[str, Any]
    lines: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def by_passphrase(self) -> bool:
        """Whether it is locked with a passphrase."""
        return "salt" in self.head

    def plain(self, lock: Passphrase | KeyFile) -> bytes:
        """What is in it; RequestError `wrong_key` if the lock is not the one it was sealed with."""
        if self.by_passphrase != isinstance(lock, Passphrase):
            needs = "a passphrase" if self.by_passphrase else "the key file of the data folder it was made in"
            raise RequestError(f"{self.source} is opened with {needs}", code="wrong_key")
        try:
            return sealing.unseal(_key(lock, self.head, self.source), self.body, self.lines.decode())
        except InvalidTag as error:
            what = "the passphrase" if self.by_passphrase else "the key file"
            message = f"{what} does not open {self.source}: it was made with another one, or the file was damaged"
            raise RequestError(message, code="wrong_key") from error


def seal(kind: str, version: int, plain: bytes, lock: Passphrase | KeyFile, head: Mapping[str, Any]) -> bytes:
    """The whole file; raises RequestError for a passphrase that is too short."""
    if isinstance(lock, Passphrase):
        if len(lock.text) < SHORTEST:
            raise RequestError(f"a passphrase needs {SHORTEST} characters or more", code="bad_passphrase")
        head = {**head, "salt": os.urandom(_SALT).hex(), "cost": _COST}
    lines = f"{_title(kind)} {version}\n{json.dumps(dict(head))}\n"
    return lines.encode() + sealing.seal(_key(lock, head, ""), plain, lines)


def read(path: Path, kind: str, newest: int) -> Sealed:
    """The file at `path`; RequestError if it is something else, or of a newer format than `newest`."""
    with plain_words(path):
        if path.stat().st_size > MOST_BYTES:
            raise RequestError(f"{path} is too large to be a {kind} of uSense", code="bad_file")
        data = path.read_bytes()
    return parse(data, str(path), kind, newest)


def parse(data: bytes, source: str, kind: str, newest: int) -> Sealed:
    """The same of a file's bytes."""
    parts = data[:_LONGEST_LINE].split(b"\n", 2)
    title, _, number = parts[0].decode(errors="replace").rpartition(" ")
    if len(parts) < 3 or title != _title(kind) or not number.isdecimal():  # noqa: PLR2004 - two lines and the rest
        raise RequestError(f"{source} is not a {kind} of uSense", code="bad_file")
    if int(number) > newest:
        message = f"{source} was written by a newer uSense ({kind} format {number}, this one knows {newest})"
        raise RequestError(f"{message}: install the newer uSense", code="too_new")
    try:
        head = json.loads(parts[1].decode())
    except ValueError:
        head = None
    if not isinstance(head, dict):
        raise RequestError(f"{source} is damaged: its beginning cannot be read", code="bad_file")
    cut = len(parts[0]) + len(parts[1]) + 2
    return Sealed(source, int(number), head, data[:cut], data[cut:])


def write(path: Path, data: bytes) -> None:
    """Put the file in place as a whole, for its owner only; raises StorageError."""
    draft = path.with_name(f".{path.name}.part")
    with plain_words(path):
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _title(kind: str) -> str:
    return f"uSense {kind}"


def _key(lock: Passphrase | KeyFile, head: Mapping[str, Any], source: str) -> bytes:
    if isinstance(lock, KeyFile):
        return lock.key
    try:
        salt, cost = bytes.fromhex(head["salt"]), int(head["cost"])
    except (KeyError, TypeError, ValueError):
        salt, cost = b"", 0
    if len(salt) != _SALT or not 1 < cost <= _MOST_COST or cost & (cost - 1):
        raise RequestError(f"{source} is damaged: its beginning cannot be read", code="bad_file")
    # The same passphrase typed on another system may be encoded otherwise.
    text = unicodedata.normalize("NFC", lock.text).encode()
    return Scrypt(salt, sealing.KEY_BYTES, cost, _BLOCK, _LANES).derive(text)
