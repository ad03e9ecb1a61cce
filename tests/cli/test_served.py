"""What `usense doctor` says of the pages."""

from __future__ import annotations

import asyncio
import fcntl
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from uSense.cli import served
from uSense.core.findings import Finding
from uSense.settings import Settings
from uSense.storage.lock import LOCK
from uSense.web import passwords


def pages(folder: Path, **web: Any) -> Finding:
    """What is found with these settings."""
    return asyncio.run(served.look(Settings.model_validate({"data_dir": folder, "web": {"port": 0, **web}})))


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("kept", "state", "word"),
    [(None, "warning", "only this machine"), ("{", "warning", "this machine"), ('{"argon2": "x"}', "ok", "is set")],
)
def test_a_password_is_missed(tmp_path: Path, kept: str | None, state: str, word: str) -> None:
    """It says who is let in without one, and changes nothing."""
    if kept is not None:
        (tmp_path / passwords.FILE).write_text(kept, "utf-8")
    before = sorted(tmp_path.iterdir())

    found = pages(tmp_path)

    assert found.state == state
    assert word in found.text
    assert ("usense passwd" in found.todo) == (state == "warning")
    assert sorted(tmp_path.iterdir()) == before


def test_a_port_that_others_have_is_told(tmp_path: Path, taken: int) -> None:
    """As the service would say it."""
    found = pages(tmp_path, port=taken)

    assert (found.check, found.state) == ("pages", "warning")
    assert f"cannot listen at 127.0.0.1 port {taken}" in found.text
    assert "switched off" in pages(tmp_path, port=taken, enabled=False).text


def test_the_running_service_has_the_port_itself(tmp_path: Path, taken: int) -> None:
    """It is asked whether it answers."""
    (tmp_path / passwords.FILE).write_text('{"argon2": "x"}', "utf-8")
    with (tmp_path / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found, silent = pages(tmp_path, port=taken), pages(tmp_path, port=free_port())

    assert (found.state, found.text) == ("ok", f"port {taken} answers, and a password is set")
    assert (silent.state, "nothing answers" in silent.text) == ("warning", True)
