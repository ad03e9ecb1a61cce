"""What holds for every command: exit codes, one place for errors, and a quick start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import typer

import uSense
from tests.support.terminal import Terminal
from uSense import cli
from uSense.cli.common import ConfigFile, Options
from uSense.core.errors import BrokerError, CameraError, DetectorError, RequestError, SettingsError


def failing(error: BaseException) -> Callable[[], NoReturn]:
    """A command that fails."""

    def fail() -> NoReturn:
        """Fail."""
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SettingsError("mqtt.host: is missing\nlog: no"), 2, "mqtt.host: is missing\nlog: no\n"),
        (DetectorError("there is no model"), 2, "there is no model\n"),
        (RequestError("no such face"), 1, "no such face\n"),
        (
            ExceptionGroup("tasks", [BrokerError("a"), ExceptionGroup("more", [CameraError("hall", "b")])]),
            1,
            "a\ncamera hall: b\n",
        ),
        (ExceptionGroup("tasks", [BrokerError("a"), SettingsError("b")]), 2, "a\nb\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Exit(3), 3, ""),
    ],
)
def test_expected_errors(terminal: Terminal, error: BaseException, code: int, said: str) -> None:
    """An expected error is a message on stderr and an exit code, never a traceback."""
    terminal.monkeypatch.setattr(cli, "COMMANDS", (("run", failing(error)),))
    outcome = terminal.run("run")
    assert (outcome.code, outcome.out, outcome.err) == (code, "", said)


@pytest.mark.parametrize("bug", [KeyError("x"), ExceptionGroup("tasks", [BrokerError("a"), KeyError("x")])])
def test_bugs(terminal: Terminal, bug: Exception) -> None:
    """A bug is let through, for Python to show its traceback and end with exit code 1."""
    terminal.monkeypatch.setattr(cli, "COMMANDS", (("run", failing(bug)),))
    with pytest.raises(type(bug)) as caught:
        terminal.run("run")
    assert caught.value is bug


@pytest.mark.parametrize(
    "words",
    [("frobnicate",), ("--frob",), ("config", "chek"), ("--log-level", "loud", "config", "show"), ("config", "-c")],
)
def test_bad_usage(terminal: Terminal, words: tuple[str, ...]) -> None:
    """Bad usage is explained on stderr with exit code 2."""
    outcome = terminal.run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage: usense" in outcome.err


def test_version(terminal: Terminal) -> None:
    """The version is shown without anything else."""
    outcome = terminal.run("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"usense {uSense.__version__}\n", "")


@pytest.mark.parametrize(
    "words", ["--help", "-h", *sorted({" ".join((*words.split(), "--help")) for words, _ in cli.COMMANDS})]
)
def test_help(terminal: Terminal, words: str) -> None:
    """Every command tells what it does."""
    outcome = terminal.run(*words.split())
    assert (outcome.code, outcome.err) == (0, "")
    assert "Usage: usense" in outcome.out


def test_global_options(terminal: Terminal) -> None:
    """Global options reach the command; its own -c is stronger."""
    heard: list[tuple[Options, Path | None]] = []

    def command(ctx: typer.Context, config: ConfigFile = None) -> None:
        """Listen."""
        heard.append((ctx.obj, config))

    terminal.monkeypatch.setattr(cli, "COMMANDS", (("run", command), ("people", failing(KeyError()))))
    terminal.monkeypatch.setenv("USENSE_CONFIG", "from-environment.yaml")
    for words in (("run",), ("-c", "a.yaml", "--log-level", "debug", "run", "-c", "b.yaml")):
        assert terminal.run(*words).code == 0
    assert heard == [
        (Options(Path("from-environment.yaml"), None), None),
        (Options(Path("a.yaml"), "debug"), Path("b.yaml")),
    ]


def test_quick_start() -> None:
    """Help needs none of the heavy libraries."""
    heavy = {"numpy", "pydantic", "av", "PIL", "dlib", "onnxruntime", "onnx", "aiohttp", "aiomqtt", "cryptography"}
    program = f"import sys, uSense.cli; uSense.cli.build(); print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"


def test_module_is_the_command() -> None:
    """`python -m uSense` is `usense`."""
    done = subprocess.run(
        [sys.executable, "-m", "uSense", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"usense {uSense.__version__}\n"


def test_a_full_disk_behind_the_output_is_told() -> None:
    """Exit code 1 and a sentence, no traceback, not even from Python's own end."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "uSense", "config", "schema"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, "the output cannot be written: No space left on device\n")
