"""`usense watch`: what the running service sees and decides, live."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from uSense.cli.board import Board
from uSense.cli.common import ConfigFile, Json, load
from uSense.core.errors import BrokerError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from uSense.settings import Settings

TOPICS = ("health", "camera/+/status", "identity", "event")
AGAIN = 2.0
"""Seconds until a broker that was lost is tried again."""

Show: TypeAlias = Callable[[str, Any, bool], None]
"""Takes topic, payload and whether the broker kept it."""


def watch(
    ctx: typer.Context,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0, metavar="N", help="End after so long; without it at Ctrl-C.")
    ] = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show live who is recognized, and why somebody is not; cameras and health of the running service besides.

    A table on a terminal, else a line for each piece of news; with --json a line {"topic", "payload", "retain"} for
    each message.
    """
    settings = load(ctx, config)
    with _view(settings, as_json=as_json) as show:
        try:
            asyncio.run(_watch(settings, seconds, show))
        except (TimeoutError, KeyboardInterrupt):
            return


async def _watch(settings: Settings, seconds: float | None, show: Show) -> None:
    """Show what comes until the time is over; a broker that was there once is tried again when it is lost."""
    from uSense.cli import remote
    from uSense.mqtt.asker import parsed
    from uSense.mqtt.rivals import KEPT_WITHIN

    was_there = False
    async with asyncio.timeout(seconds):
        while True:
            try:
                async with AsyncExitStack() as stack:
                    asker = await remote.meet(stack, settings, *TOPICS)
                    status = await asker.latest(settings.mqtt.topics.status, KEPT_WITHIN)
                    if status is not None and status.payload == b"online" and not await remote.hears(asker, settings):
                        typer.echo(remote.unheard(settings), err=True)
                    async for message in asker.messages():
                        was_there = True
                        show(message.topic, parsed(message.payload), message.retain)
            except BrokerError as error:
                if not was_there:
                    raise
                typer.echo(str(error), err=True)
                await asyncio.sleep(AGAIN)


@contextmanager
def _view(settings: Settings, *, as_json: bool) -> Iterator[Show]:
    """The view that fits: JSON if wanted, else a live table on a terminal, else plain lines."""
    prefix = f"{settings.mqtt.prefix}/"
    board = Board()

    def tell_json(topic: str, payload: Any, retain: bool) -> None:  # noqa: FBT001 - it is a `Show`
        typer.echo(json.dumps({"topic": topic, "payload": payload, "retain": retain}, ensure_ascii=False))
        sys.stdout.flush()

    def tell(topic: str, payload: Any, retain: bool) -> None:  # noqa: ARG001, FBT001 - the same
        if line := board.hear(topic.removeprefix(prefix), payload):
            typer.echo(line)
            sys.stdout.flush()

    if as_json or not sys.stdout.isatty():
        yield tell_json if as_json else tell
        return

    from rich.live import Live

    with Live(_table(board), auto_refresh=False) as live:

        def draw(topic: str, payload: Any, retain: bool) -> None:  # noqa: ARG001, FBT001 - the same
            board.hear(topic.removeprefix(prefix), payload)
            live.update(_table(board), refresh=True)

        yield draw


def _table(board: Board) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    cameras = "   ".join(f"{name} {state}" for name, state in sorted(board.cameras.items())) or "no cameras"
    head = Text(f"service {board.status}   {cameras}\nhealth  {board.health}")
    table = Table("time", "camera", "who", "why")
    for row in reversed(board.rows.values()):
        style = "green" if row.known else "yellow"
        table.add_row(row.time, Text(row.camera), Text(row.who, style), Text(row.why))
    return Group(head, table)
