"""Settings in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import environment
from uSense.settings import loading


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the test."""
    environment.clear(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "PLACES", (Path("usense.yaml"), tmp_path / "etc" / "usense.yaml"))
