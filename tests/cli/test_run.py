"""`usense run` before it runs: what it refuses and what it warns of."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from uSense import app
from uSense.settings import Settings


@pytest.fixture(autouse=True)
def served(terminal: Terminal) -> Iterator[list[Settings]]:
    """The settings with which the service was started, which ends at once."""
    started: list[Settings] = []

    async def serve(settings: Settings, *_: object, **__: object) -> None:
        started.append(settings)

    terminal.monkeypatch.setattr(app, "serve", serve)
    before = signal.getsignal(signal.SIGTERM)
    yield started
    signal.signal(signal.SIGTERM, before)


def test_missing_files_are_refused(terminal: Terminal, served: list[Settings], tmp_path: Path) -> None:
    """A file that the service needs is missed before it starts, in one line and with exit code 2."""
    Path("usense.yaml").write_text("detector: {kind: yunet, path: no.onnx}", "utf-8")
    outcome = terminal.run("run")
    assert (outcome.code, outcome.out, served) == (2, "", [])
    assert outcome.err == f"usense.yaml, line 1: detector.path: {tmp_path}/no.onnx: there is no such file\n"


def test_without_a_settings_file(terminal: Terminal, served: list[Settings], tmp_path: Path) -> None:
    """The service starts with its defaults, but says where it looked and which commands to begin with."""
    outcome = terminal.run("run")
    assert (outcome.code, len(served)) == (0, 1)
    for words in (f"{tmp_path}/usense.yaml", "/etc/usense/usense.yaml", "config example > usense.yaml", "usense run"):
        assert words in outcome.err


def test_cameras_from_variables_need_no_file(terminal: Terminal, served: list[Settings]) -> None:
    """Who gives everything in the environment is not bothered."""
    terminal.monkeypatch.setenv("USENSE_CAMERAS__HALL__KIND", "stream")
    terminal.monkeypatch.setenv("USENSE_CAMERAS__HALL__URL", "rtsp://cam/live")
    outcome = terminal.run("run")
    assert (outcome.code, outcome.err, list(served[0].cameras)) == (0, "", ["hall"])
