"""The command line in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import environment
from tests.support.terminal import Terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Terminal:
    """Runs commands in an empty folder, with no settings in the environment."""
    environment.clear(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch, capsys)


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No container, although the tests may run in one."""
    monkeypatch.delenv("container", raising=False)
