"""Why files cannot be read."""

from __future__ import annotations

import errno

import pytest

from uSense.settings import files


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "there is no such file"),
        (errno.ENOTDIR, "there is no such file"),
        (errno.EISDIR, "is a folder, not a file"),
        (errno.EACCES, "may not be read by this user: check its rights"),
        (errno.EIO, "cannot be read: Input/output error"),
    ],
)
def test_reasons(number: int, words: str) -> None:
    """The system's reason is said in plain words."""
    assert files.why(OSError(number, "Input/output error")).startswith(words)
