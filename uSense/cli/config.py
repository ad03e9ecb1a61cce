"""`usense config`: is it right, what is in effect, what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli.common import ConfigFile, Json, trace

if TYPE_CHECKING:
    from uSense.settings import Loaded

EXAMPLE = """\
# Settings of uSense; `usense config check` says what is wrong with them, `usense config show` what is in effect.
# Relative paths start at this file's folder. All other settings have defaults: `usense config show`.

mqtt:
  host: 127.0.0.1
  #username: usense
  #password_file: mqtt-password

cameras:
  hall:
    kind: stream
    url: /dev/video0
    # or a network camera: rtsp://user:password@192.168.1.20/live
"""
"""What a newcomer changes first."""
_COLUMN = 47


def check(ctx: typer.Context, config: ConfigFile = None) -> None:
    """Say whether the settings are right; if not, each problem with its place, exit code 2.

    Files that the service needs have to be there, too. What is allowed but hardly meant is told on stderr.
    """
    from uSense.settings import looking

    loaded = trace(ctx, config)
    looking.require(loaded)
    for doubt in looking.doubts(loaded):
        typer.echo(f"beware: {doubt}", err=True)
    typer.echo(f"ok: {loaded.file or 'no settings file, defaults'}")


def example() -> None:
    """Print a small settings file to begin with: usense config example > usense.yaml."""
    typer.echo(EXAMPLE, nl=False)


def show(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show the settings in effect and where each comes from; secrets are masked."""
    from uSense import log
    from uSense.settings import looking, showing

    loaded = trace(ctx, config)
    values = loaded.settings.model_dump(mode="json")
    if as_json:
        origins = {".".join(path): loaded.origin(path) for path, _ in showing.leaves(values)}
        answer = {"file": str(loaded.file) if loaded.file else None, "settings": values, "origins": origins}
        typer.echo(log.mask(json.dumps(answer, indent=2, ensure_ascii=False)))
        return
    typer.echo(f"# {loaded.file or f'no settings file: looked for {looking.places()}'}")
    for line in _lines(values, loaded):
        typer.echo(log.mask(line))


def schema(
    events: Annotated[bool, typer.Option("--events", help="Those of all MQTT messages instead.")] = False,
) -> None:
    """Print the JSON Schema of the settings file, for editors."""
    from uSense.cli import messages
    from uSense.settings import Settings

    described = messages.document() if events else {"$schema": messages.DIALECT, **Settings.model_json_schema()}
    typer.echo(json.dumps(described, indent=2, ensure_ascii=False))


def _lines(values: Mapping[str, Any], loaded: Loaded, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The values as YAML, the origin of each as a comment."""
    import yaml

    for name, value in values.items():
        start = f"{'  ' * len(path)}{name}:"
        if isinstance(value, Mapping) and value:
            yield start
            yield from _lines(value, loaded, (*path, name))
        else:
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
            line = f"{start} {text.splitlines()[0]}"
            yield f"{line:<{_COLUMN}} # {loaded.origin((*path, name))}"
