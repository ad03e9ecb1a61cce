"""What a forced end says."""

from __future__ import annotations

import pytest

from uSense.cli import ending


@pytest.mark.parametrize(
    ("threads", "told"),
    [
        (["camera hall"], "the camera hall did not answer"),
        (["detect-0"], "a model (detect-0) did not answer"),
        (["storage", "lock"], "the disk with the data folder did not answer"),
        (["embed", "camera hall"], "the camera hall and a model (embed) did not answer"),
        (["mqtt look-up"], "the name server did not answer"),
        (["asyncio_0", "asyncio_1"], "a disk did not answer"),
        (["asyncio_0", "camera hall"], "the camera hall did not answer"),
        (["Thread-7"], "something did not answer"),
    ],
)
def test_what_hangs_is_named(threads: list[str], told: str) -> None:
    """By the names of the threads that still work; asyncio's own may be idle, so they are blamed only when alone."""
    assert ending.blamed(threads) == told
