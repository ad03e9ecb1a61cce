"""`usense models`: what is there, what is fetched, and that it is used."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.terminal import Terminal
from uSense import settings
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.weights import YUNET, place


def test_fetched_weights_are_used_without_a_word(terminal: Terminal, tmp_path: Path, models: Path) -> None:
    """YuNet finds faces from then on, unless the settings name another detector or other weights."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    before = terminal.run("models", "list", "--json")
    fetched = terminal.run("models", "fetch", "yunet", "--from", str(models / YUNET.file))
    again = terminal.run("models", "fetch", "yunet", "--json")
    after = terminal.run("models", "list")

    path = place(tmp_path / "data", YUNET)
    assert json.loads(before.out)[0]["state"] == "missing"
    assert (fetched.code, fetched.out) == (0, f"yunet: {path}\n")
    assert json.loads(again.out) == {"name": "yunet", "path": str(path), "fetched": False}
    assert "yunet  there  232589 bytes" in after.out
    assert settings.load().detector == YunetSettings(path=path)
    (tmp_path / "usense.yaml").write_text("detector: {min_face: 60}", "utf-8")
    assert settings.load().detector == HogSettings(min_face=60)
    (tmp_path / "usense.yaml").write_text("detector: {kind: yunet, min_face: 60}", "utf-8")
    assert settings.load().detector == YunetSettings(path=path, min_face=60)


def test_missing_weights_are_told_with_the_command(terminal: Terminal, tmp_path: Path) -> None:
    """The service does not start without what its settings want."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "usense.yaml").write_text("detector: {kind: yunet}", "utf-8")
    outcome = terminal.run("config", "check")
    assert outcome.code == 2
    assert "there is no such file: `usense models fetch yunet`" in outcome.err


def test_unknown_weights_and_wrong_files(terminal: Terminal, tmp_path: Path) -> None:
    """Exit code 2 for a name that is none, 1 for a file that is another."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    unknown = terminal.run("models", "fetch", "yunett")
    (tmp_path / "file").write_bytes(b"x")
    wrong = terminal.run("models", "fetch", "yunet", "--from", "file")
    assert unknown.code == 2
    assert "there is yunet" in " ".join(unknown.err.split())
    assert wrong.code == 1
    assert "wrong SHA-256" in wrong.err
