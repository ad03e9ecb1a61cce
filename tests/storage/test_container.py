"""Encrypted files: opened only by what locked them, and only unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uSense.core.errors import RequestError, StorageError
from uSense.storage import container
from uSense.storage.container import KeyFile, Passphrase

KEY = KeyFile(b"k" * 32)
SECRET = Passphrase("correct horse")
HEAD = {"made_at": "today"}


def sealed(data: bytes) -> container.Sealed:
    """The file as it is read."""
    return container.parse(data, "the file", "backup", 1)


@pytest.mark.parametrize("lock", [KEY, SECRET])
def test_what_was_sealed_opens_with_the_same_lock(lock: KeyFile | Passphrase) -> None:
    """And tells before that what may be known; nothing of the content can be read in the file."""
    data = container.seal("backup", 1, b"Anna's face", lock, HEAD)

    assert sealed(data).head["made_at"] == "today"
    assert sealed(data).plain(lock) == b"Anna's face"
    assert b"Anna" not in data
    assert data.startswith(b"uSense backup 1\n{")


@pytest.mark.parametrize(
    ("made", "tried", "words"),
    [
        (KEY, KeyFile(b"x" * 32), "the key file does not open the file: it was made with another one"),
        (SECRET, Passphrase("correct house"), "the passphrase does not open the file"),
        (SECRET, KEY, "the file is opened with a passphrase"),
        (KEY, SECRET, "the file is opened with the key file of the data folder it was made in"),
    ],
)
def test_another_lock_does_not_open_it(made: KeyFile | Passphrase, tried: KeyFile | Passphrase, words: str) -> None:
    """The refusal says which kind is needed."""
    data = container.seal("backup", 1, b"plain", made, HEAD)

    with pytest.raises(RequestError, match=words) as caught:
        sealed(data).plain(tried)
    assert caught.value.code == "wrong_key"


def test_a_passphrase_is_the_same_however_it_is_encoded() -> None:
    """Typed on a Mac or on Linux."""
    data = container.seal("backup", 1, b"plain", Passphrase("Zo\u00eb's house"), HEAD)

    assert sealed(data).plain(Passphrase("Zoe\u0308's house")) == b"plain"


def test_a_short_passphrase_is_refused() -> None:
    """Before anything is written with it."""
    with pytest.raises(RequestError, match="needs 8 characters or more"):
        container.seal("backup", 1, b"plain", Passphrase("1234567"), HEAD)


@settings(deadline=None)
@given(st.integers(min_value=0), st.integers(0, 255))
def test_a_changed_byte_is_noticed(where: int, byte: int) -> None:
    """Wherever it is, also in the lines that anybody can read."""
    data = bytearray(container.seal("backup", 1, b"plain", KEY, HEAD))
    where %= len(data)
    if data[where] == byte:
        return
    data[where] = byte

    with pytest.raises(RequestError):
        sealed(bytes(data)).plain(KEY)


@given(st.binary(max_size=200))
def test_other_bytes_are_no_such_file(data: bytes) -> None:
    """A text, nothing at all, or a file of another kind."""
    with pytest.raises(RequestError, match="the file is not a backup of uSense") as caught:
        sealed(data)
    assert caught.value.code == "bad_file"


def test_a_file_of_a_newer_format_is_told(tmp_path: Path) -> None:
    """With both versions and what to do; a folder or a missing file is told, too."""
    container.write(tmp_path / "new", container.seal("backup", 2, b"", KEY, HEAD))

    with pytest.raises(RequestError, match=r"newer uSense \(backup format 2, this one knows 1\): install") as caught:
        container.read(tmp_path / "new", "backup", 1)
    assert caught.value.code == "too_new"
    with pytest.raises(RequestError, match="is not a people of uSense"):
        container.read(tmp_path / "new", "people", 1)
    with pytest.raises(StorageError, match="No such file"):
        container.read(tmp_path / "none", "backup", 1)
    with pytest.raises(StorageError, match="is a folder"):
        container.read(tmp_path, "backup", 1)


@pytest.mark.parametrize(
    "changed", [{"cost": 1 << 30}, {"cost": "x"}, {"cost": 1000}, {"salt": "zz"}, {"salt": 7}, {"cost": None}]
)
def test_a_manipulated_beginning_costs_nothing(changed: dict[str, object]) -> None:
    """It can ask neither for endless work nor for endless memory."""
    lines = container.seal("backup", 1, b"plain", SECRET, HEAD).split(b"\n", 2)
    lines[1] = json.dumps(json.loads(lines[1]) | changed).encode()

    with pytest.raises(RequestError, match="is damaged: its beginning"):
        sealed(b"\n".join(lines)).plain(SECRET)


def test_a_file_is_replaced_as_a_whole_and_private(tmp_path: Path) -> None:
    """Drafts of a crash are in nobody's way; what cannot be written leaves what was there."""
    (tmp_path / ".file.part").write_bytes(b"half")
    container.write(tmp_path / "file", b"one")
    container.write(tmp_path / "file", b"two")

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"two")]
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    with pytest.raises(StorageError):
        container.write(tmp_path / "none" / "file", b"three")
