"""`usense models`: weights that are not in the packages."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from uSense.cli.common import ConfigFile, Json, load

if TYPE_CHECKING:
    from uSense.weights import Weights


def listing(ctx: typer.Context, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show which weights can be fetched and which are there."""
    from uSense import weights

    settings = load(ctx, config)
    rows = [
        {
            "name": one.name,
            "state": weights.state(settings.data_dir, one),
            "path": str(weights.found(settings.data_dir, one)),
            "bytes": one.size,
            "sha256": one.sha256,
            "url": one.url,
            "license": one.license,
            "about": one.about,
        }
        for one in weights.ALL.values()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['name']}  {row['state']}  {row['bytes']} bytes  {row['license']}  {row['about']}")
        typer.echo(f"  {row['path']}")


def fetch(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Which weights: see `usense models list`.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", readable=False, help="Take this file instead: for boxes without net."),
    ] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Fetch weights from their publisher, verify and keep them; they are used from the next start on.

    The address and the SHA-256 are part of uSense; a file that differs is thrown away. Proxies are taken from
    HTTPS_PROXY and NO_PROXY.
    """
    from uSense import weights

    settings = load(ctx, config)
    wanted = weights.ALL.get(name)
    if wanted is None:
        raise typer.BadParameter(f"there are no weights {name!r}: there is {', '.join(weights.ALL)}", param_hint="NAME")
    if weights.state(settings.data_dir, wanted) == "there":
        kept, new = weights.found(settings.data_dir, wanted), False
    elif source is not None:
        kept, new = weights.take(wanted, source, settings.data_dir), True
    else:
        kept, new = _download(wanted, settings.data_dir, hidden=as_json), True
    if as_json:
        typer.echo(json.dumps({"name": name, "path": str(kept), "fetched": new}))
    else:
        typer.echo(f"{name}: {kept}" if new else f"{name} is there: {kept}")


def _download(wanted: Weights, data_dir: Path, *, hidden: bool) -> Path:
    from rich.console import Console
    from rich.progress import Progress

    from uSense import weights

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=hidden or not console.is_terminal) as bar:
        task = bar.add_task(wanted.file, total=wanted.size)
        return asyncio.run(weights.fetch(wanted, data_dir, lambda have: bar.update(task, completed=have)))
