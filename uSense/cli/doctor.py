"""`usense doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from uSense import __version__
from uSense.cli.common import ConfigFile, Json, configure_log, counted, reaching, trace
from uSense.core.errors import SettingsError
from uSense.core.findings import Finding, ok, problem, warning

if TYPE_CHECKING:
    from uSense.settings import Loaded, Settings

LIBRARIES = ("onnxruntime", "dlib-bin", "av", "aiomqtt", "numpy", "picamera2")
"""Whose versions are asked for in reports."""
_SIGNS = {"ok": ("ok", "green"), "warning": ("beware", "yellow"), "problem": ("PROBLEM", "red")}


def doctor(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Check everything that the service needs: settings, data folder, models, broker, cameras, clock and machine.

    Changes nothing, and asks the running service about cameras that it uses. Exit code 1 if there is a problem.
    """
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            _print(finding)

    settings = _begin(ctx, config, tell)
    if settings is not None:
        asyncio.run(_examine(settings, tell))
    problems = sum(finding.state == "problem" for finding in findings)
    if as_json:
        report = {"ok": not problems, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{counted(problems, 'problem')}" if problems else "all is well")
    if problems:
        raise typer.Exit(1)


def _begin(ctx: typer.Context, config: Path | None, tell: Callable[[Finding], None]) -> Settings | None:
    """Versions, the machine and the settings; None if there are none to go on with."""
    from uSense.cli import disk, machine, raspberry

    tell(ok("versions", _versions()))
    for finding in machine.look():
        tell(finding)
    try:
        loaded = trace(ctx, config)
    except SettingsError as error:
        for line in str(error).splitlines():
            tell(problem("settings", line))
        return None
    configure_log(ctx, loaded.settings)
    for look in (_settings(loaded), raspberry.look(loaded.settings), disk.look(loaded.settings.data_dir)):
        for finding in look:
            tell(finding)
    return reaching(loaded.settings)


def _settings(loaded: Loaded) -> Iterator[Finding]:
    from uSense.settings import looking

    findings: list[Finding] = []
    try:
        looking.require(loaded)
    except SettingsError as error:
        findings.extend(problem("settings", line) for line in str(error).splitlines())
    findings.extend(warning("settings", doubt) for doubt in looking.doubts(loaded))
    yield from findings or [ok("settings", str(loaded.file or "no file, all defaults"))]


async def _examine(settings: Settings, tell: Callable[[Finding], None]) -> None:
    from uSense.cli import checkup

    async for finding in checkup.examine(settings):
        tell(finding)


def _versions() -> str:
    from uSense import pi

    machine = f"{pi.model() or platform.system()} ({platform.machine()})"
    return ", ".join((f"usense {__version__}", f"Python {platform.python_version()}", machine, *_installed(LIBRARIES)))


def _installed(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _print(finding: Finding) -> None:
    sign, color = _SIGNS[finding.state]
    todo = f"\n{'':9}{finding.todo}" if finding.todo else ""
    typer.echo(f"{typer.style(f'{sign:<9}', fg=color)}{finding.check}: {finding.text}{todo}")
