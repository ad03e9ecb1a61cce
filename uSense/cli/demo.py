"""`usense demo`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from uSense.cli.common import Json
from uSense.demo.broker import BrokerKind


def demo(
    seconds: Annotated[
        float | None, typer.Option(min=1, metavar="N", help="Length of the story; without it until Ctrl-C.")
    ] = None,
    as_json: Json = False,
    camera: Annotated[
        str | None,
        typer.Option(metavar="URL|FOLDER", help="A camera of yours instead: a stream, a video file, a photo folder."),
    ] = None,
    broker: Annotated[BrokerKind, typer.Option(help="Which broker to run.")] = BrokerKind.AUTO,
    pace: Annotated[
        float, typer.Option(min=0.01, max=1, metavar="N", help="How fast people move: less than 1 for a slow machine.")
    ] = 1.0,
) -> None:
    """See it work: the service, a broker, people who come and go, and a client that shows what it hears.

    Needs no camera, no broker and no network. With --json every message is a line {"topic", "payload", "retain"}.

    Exit code 0 when the time is up, or at Ctrl-C without --seconds; 130 if interrupted before; 1 if something failed.
    """
    from uSense.demo import show, view

    own = _camera(camera) if camera else None
    options = show.Options(seconds=seconds, pace=pace, camera=own, broker=broker, logs=as_json)
    with view.viewing(as_json=as_json) as screen:
        code = asyncio.run(show.run(options, screen))
    raise typer.Exit(code)


def _camera(text: str) -> dict[str, Any]:
    """The settings of a camera that was named by an address or a path."""
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        return {"kind": "folder", "path": str(path)}
    if path.exists():
        return {"kind": "stream", "url": str(path), "loop": path.is_file()}
    if "://" in text:
        return {"kind": "stream", "url": text}
    raise typer.BadParameter(f"{text!r} is neither an address nor an existing folder or file", param_hint="--camera")
