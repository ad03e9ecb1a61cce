"""The command line: a command is a function in a file of its family and a line in `COMMANDS`.

Nothing heavy is imported before a command runs, so that `usense --help` stays fast.

What the exit codes of each command mean is told in docs/commands.md.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

import uSense
from uSense.cli import (
    backup,
    broker,
    config,
    demo,
    doctor,
    evaluate,
    faceapi,
    healthcheck,
    migrate,
    models,
    moving,
    people,
    pictures,
    run,
    snapshot,
    visiting,
    waiting,
    watch,
)
from uSense.cli.common import Options
from uSense.core.errors import ModelError, SettingsError, UsenseError

COMMANDS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("run", run.run),
    ("demo", demo.demo),
    ("watch", watch.watch),
    ("wait", waiting.wait),
    ("snapshot", snapshot.snapshot),
    ("healthcheck", healthcheck.healthcheck),
    ("doctor", doctor.doctor),
    ("broker", broker.broker),
    ("enroll", people.enroll),
    ("people list", people.listing),
    ("people rename", people.rename),
    ("people forget", people.forget),
    ("people merge", moving.merge),
    ("people export", moving.export),
    ("people import", moving.import_),
    ("people drop-crops", moving.drop_crops),
    ("train", people.train),
    ("identify", pictures.identify),
    ("detect", pictures.detect),
    ("verify", pictures.verify),
    ("evaluate", evaluate.evaluate),
    ("face-api", faceapi.face_api),
    ("migrate", migrate.migrate),
    ("models list", models.listing),
    ("models fetch", models.fetch),
    ("passwd", visiting.passwd),
    ("token add", visiting.make),
    ("token list", visiting.listing),
    ("token remove", visiting.take_back),
    ("backup", backup.backup),
    ("restore", backup.restore),
    ("config check", config.check),
    ("config example", config.example),
    ("config show", config.show),
    ("config schema", config.schema),
)
"""Every command with the words that call it; its help is its docstring."""

EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 bad usage or settings, 130 interrupted; verify has its own."

GROUPS = {
    "people": "Who is enrolled.",
    "token": "Who may ask over HTTP beside those who know the password.",
    "models": "Weights that are not in the packages.",
    "config": "Begin, check and show the settings.",
}


class Level(StrEnum):
    """Log levels."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        typer.echo(f"usense {uSense.__version__}")
        raise typer.Exit


def _root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", envvar="USENSE_CONFIG", help="Settings file (YAML)."),
    ] = None,
    log_level: Annotated[Level | None, typer.Option("--log-level", help="Least level that is logged.")] = None,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Tell the house who is there: face identity over MQTT."""
    ctx.obj = Options(config, log_level.value if log_level else None)


def build() -> typer.Typer:
    """The command line with all its commands."""
    plain: dict[str, Any] = {"no_args_is_help": True, "pretty_exceptions_enable": False, "add_completion": False}
    app = typer.Typer(
        name="usense", epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]}, **plain
    )
    app.callback()(_root)
    groups = {name: typer.Typer(help=text, **plain) for name, text in GROUPS.items()}
    for title, group in groups.items():
        app.add_typer(group, name=title)
    for words, function in COMMANDS:
        *above, name = words.split()
        home = groups[above[0]] if above else app
        home.command(name)(function)
    return app


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be any bytes
    try:
        build()(prog_name="usense")
    except (UsenseError, BaseExceptionGroup) as error:
        expected = list(_expected(error))
        if not expected:
            raise
        for one in expected:
            typer.echo(str(one), err=True)
        sys.exit(2 if any(isinstance(one, SettingsError | ModelError) for one in expected) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would write what is buffered once more, and fail loudly
        typer.echo(f"the output cannot be written: {error.strerror}", err=True)
        sys.exit(1)


def _expected(error: BaseException) -> Iterator[UsenseError]:
    """The errors for people inside `error`; none if there is a bug among them."""
    if isinstance(error, UsenseError):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        expected, bugs = error.split(UsenseError)
        if expected and not bugs:
            for one in expected.exceptions:
                yield from _expected(one)
