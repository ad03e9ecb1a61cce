"""The file that processes share: it survives them, garbage and disks that cannot be written."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from uSense.core.quota import F0, Quota
from uSense.recognizers.azureface import ledger as module
from uSense.recognizers.azureface.account import Account
from uSense.recognizers.azureface.ledger import BLOCK, place, shared


def take(quota: Quota) -> int:
    """Count one call."""
    quota.budget.take()
    return quota.budget.used


def start(quota: Quota) -> None:
    """Many calls at once."""
    for number in range(300):
        quota.pace.start(str(number), F0, 0.0, 10**9)


async def test_it_survives_its_process(tmp_path: Path) -> None:
    """What one counted the next one knows; the file is private and written in whole blocks."""
    path = tmp_path / "pace"
    for count in (1, 2, 3):
        async with shared(path) as ledger:
            assert await ledger.alter(take) == count

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == BLOCK


async def test_it_grows_and_shrinks(tmp_path: Path) -> None:
    """More calls need more blocks, and no rest of the longer text stays behind the shorter one."""
    path = tmp_path / "pace"
    async with shared(path) as ledger:
        await ledger.alter(start)
        large = path.stat().st_size
        await ledger.alter(lambda quota: quota.pace.calls.clear())
        await ledger.alter(take)

    assert large > BLOCK
    assert path.stat().st_size == BLOCK
    assert json.loads(path.read_bytes())["budget"]["used"] == 1


@pytest.mark.parametrize("garbage", [b"\0" * BLOCK, b"", b"{", b"[]", b'{"pace": 1}', b"\xff\xfe"])
async def test_garbage_counts_anew(tmp_path: Path, garbage: bytes) -> None:
    """A file that a power cut or somebody else spoiled is replaced."""
    path = tmp_path / "pace"
    path.write_bytes(garbage)

    with capture_logs() as logs:
        async with shared(path) as ledger:
            assert await ledger.alter(take) == 1
        async with shared(path) as ledger:
            assert await ledger.alter(take) == 2

    assert len(logs) == (1 if garbage.strip(b"\0") else 0)


async def test_a_place_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    """The process then keeps its own count."""
    with capture_logs() as logs:
        async with shared(tmp_path / "missing" / "pace") as ledger:
            assert [await ledger.alter(take) for _ in range(3)] == [1, 2, 3]

    assert [entry["log_level"] for entry in logs] == ["warning"]


async def test_a_process_that_holds_the_file_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a moment the others go on with what they know."""
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    path = tmp_path / "pace"
    path.touch()
    other = os.open(path, os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        with capture_logs() as logs:
            async with shared(path) as ledger:
                assert await ledger.alter(take) == 1
    finally:
        os.close(other)

    assert len(logs) == 1


def test_a_resource_has_one_file() -> None:
    """Its groups and spellings share it; another resource has another."""
    folder = Path("data")
    one = place(folder, Account("https://one.cognitiveservices.azure.com", "k", "a"))

    assert place(folder, Account("https://ONE.cognitiveservices.azure.com/face/v1.2/", "other", "b")) == one
    assert place(folder, Account("https://two.cognitiveservices.azure.com", "k", "a")) != one
    assert "one" not in one.name
