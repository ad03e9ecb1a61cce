"""`usense watch` on a terminal, and without a broker."""

from __future__ import annotations

import io
import sys

from rich.console import Console

from tests.support.ports import free_port
from tests.support.terminal import Terminal
from uSense.cli import watch
from uSense.cli.board import Board, Row
from uSense.settings import Settings


def test_the_table_shows_the_latest_first() -> None:
    """Service, cameras and health above; names that look like markup stay as they are."""
    board = Board(status="online", health="ok", cameras={"hall": "online", "door": "offline"})
    board.rows["1"] = Row("10:00:00", "hall", "[red]Anna[/red]", "score 0.61", known=True)
    board.rows["2"] = Row("10:00:05", "door", "not recognized", "the face is blurred")
    out = io.StringIO()
    Console(file=out, width=100).print(watch._table(board))
    lines = out.getvalue().splitlines()
    assert lines[0].rstrip() == "service online   door offline   hall online"
    assert lines[1].rstrip() == "health  ok"
    (first,) = (number for number, line in enumerate(lines) if "not recognized" in line)
    (second,) = (number for number, line in enumerate(lines) if "[red]Anna[/red]" in line)
    assert first < second


def test_a_terminal_gets_the_table(terminal: Terminal) -> None:
    """Drawn anew with each message."""
    screen = io.StringIO()
    terminal.monkeypatch.setattr(screen, "isatty", lambda: True)
    terminal.monkeypatch.setattr(sys, "stdout", screen)
    terminal.monkeypatch.setenv("TERM", "xterm")
    with watch._view(Settings(), as_json=False) as show:
        show("usense/camera/hall/status", "online", True)
    assert "hall online" in screen.getvalue()


def test_without_a_broker_there_is_nothing_to_watch(terminal: Terminal) -> None:
    """Exit code 1 and the reason."""
    terminal.monkeypatch.setenv("USENSE_MQTT__PORT", str(free_port()))
    outcome = terminal.run("watch")
    assert (outcome.code, outcome.out) == (1, "")
    assert "nothing listens at" in outcome.err
