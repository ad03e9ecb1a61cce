"""`usense passwd` and `usense token`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.terminal import Terminal


@pytest.fixture
def data(terminal: Terminal, tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    terminal.monkeypatch.setenv("USENSE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_password_is_kept_as_argon2_makes_it(terminal: Terminal, data: Path, tmp_path: Path) -> None:
    """From a file; only its owner may read what is kept, and the password is not in it."""
    (tmp_path / "secret").write_text("correct horse\n", "utf-8")

    outcome = terminal.run("passwd", "--password-file", "secret")

    kept = data / "password.json"
    assert (outcome.code, outcome.out) == (0, "the password is set\n")
    assert json.loads(kept.read_text("utf-8"))["argon2"].startswith("$argon2id$")
    assert "horse" not in kept.read_text("utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("text", "words"), [("short", "8 to 1024"), ("", "8 to 1024"), (None, "cannot be read")])
def test_passwords_that_are_none(terminal: Terminal, data: Path, tmp_path: Path, text: str | None, words: str) -> None:
    """Too short, or no file: nothing is set."""
    if text is not None:
        (tmp_path / "secret").write_text(text, "utf-8")

    outcome = terminal.run("passwd", "--password-file", "secret")

    assert outcome.code == 1
    assert words in outcome.err
    assert not data.exists()


def test_nobody_to_ask(terminal: Terminal, data: Path) -> None:
    """A script is told which option it lacks."""
    outcome = terminal.run("passwd")

    assert outcome.code == 2
    assert "--password-file" in outcome.err
    assert not data.exists()


def test_tokens_are_made_shown_and_taken_back(terminal: Terminal, data: Path) -> None:
    """The word is shown once, and kept nowhere."""
    made = json.loads(terminal.run("token", "add", "hall panel", "--scope", "kiosk", "--json").out)
    plain = terminal.run("token", "add", "script")
    listed = json.loads(terminal.run("token", "list", "--json").out)

    assert made["token"].startswith("usense_")
    assert plain.out.startswith("usense_")
    assert [(one["name"], one["scope"]) for one in listed] == [("hall panel", "kiosk"), ("script", "read")]
    assert made["token"] not in (data / "tokens.json").read_text("utf-8")
    gone = terminal.run("token", "remove", made["token_id"])
    assert (gone.code, gone.out) == (0, "hall panel is let in no more\n")
    assert "hall panel" not in terminal.run("token", "list").out
    again = terminal.run("token", "remove", made["token_id"])
    assert again.code == 1
    assert made["token_id"] in again.err
