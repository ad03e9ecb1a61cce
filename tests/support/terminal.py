"""The command line as its user meets it, without a process of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from tests.support.logs import undone
from uSense.cli import main


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs commands."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> Outcome:
        """Run `usense` with these words; a bug's exception is let through."""
        self.monkeypatch.setattr(sys, "argv", ["usense", *words])
        with undone(), pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, said.out, said.err)
