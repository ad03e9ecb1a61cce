"""How the demo shows what its client receives: JSON lines, plain lines, or a live table on a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from uSense.demo.client import PREFIX, Received
from uSense.demo.errors import DemoError

ROWS = 12
"""Rows of the live table; older ones leave."""
COLUMNS = ("time", "camera", "type", "name", "score", "margin", "age ms")


class View(Protocol):
    """Takes what comes, in order; DemoError when nobody reads the output any more."""

    def say(self, line: str) -> None:
        """A line for people."""

    def show(self, received: Received) -> None:
        """A message."""


class JsonView:
    """One `{"topic","payload","retain"}` a line on `out`, and nothing else; what is said goes to `aside`."""

    def __init__(self, out: TextIO, aside: TextIO) -> None:
        self._out = out
        self._aside = aside

    def say(self, line: str) -> None:
        _print(line, self._aside)

    def show(self, received: Received) -> None:
        line = {"topic": received.topic, "payload": received.payload, "retain": received.retain}
        _print(json.dumps(line), self._out)


class PlainView:
    """Sightings as lines of aligned columns, between the lines for people."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._headed = False

    def say(self, line: str) -> None:
        _print(line, self._out)

    def show(self, received: Received) -> None:
        if received.topic != f"{PREFIX}/identity":
            return
        if not self._headed:
            self._headed = True
            _print(_aligned(COLUMNS), self._out)
        _print(_aligned(row(received)), self._out)


class LiveView:
    """A table of the latest sightings below the lines for people."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._rows: deque[tuple[str, ...]] = deque(maxlen=ROWS)

    def say(self, line: str) -> None:
        self._live.console.print(line, markup=False, highlight=False)

    def show(self, received: Received) -> None:
        if received.topic != f"{PREFIX}/identity":
            return
        self._rows.append(row(received))
        table = Table(*COLUMNS, title=f"{PREFIX}/identity")
        for cells in self._rows:
            table.add_row(*map(Text, cells), style="yellow" if cells[2] == "unknown" else "green")
        self._live.update(table, refresh=True)


@contextmanager
def viewing(*, as_json: bool) -> Iterator[View]:
    """The view that fits: JSON if wanted, else a live table on a terminal, else plain lines."""
    if as_json:
        yield JsonView(sys.stdout, sys.stderr)
    elif sys.stdout.isatty():
        with Live(console=Console(), auto_refresh=False) as live:
            yield LiveView(live)
    else:
        yield PlainView(sys.stdout)


def row(received: Received) -> tuple[str, ...]:
    """The table's cells for a message of `usense/identity`."""
    sighting = received.payload
    at = datetime.fromisoformat(sighting["captured_at"]).astimezone()
    decision = sighting["decision"]
    return (
        at.strftime("%H:%M:%S"),
        sighting["camera"],
        sighting["type"],
        sighting["name"] or "-",
        _number(decision["score"]),
        _number(decision["margin"]),
        str(sighting["age_ms"]),
    )


def _print(line: str, out: TextIO) -> None:
    try:
        print(line, file=out, flush=True)
    except BrokenPipeError as error:
        # What Python still holds for the reader who is gone must not fail again when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        raise DemoError("nobody reads the demo's output any more") from error


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _aligned(cells: tuple[str, ...]) -> str:
    return (
        "  " + " ".join(cell.ljust(width) for cell, width in zip(cells, (8, 10, 10, 20, 5, 6, 6), strict=True)).rstrip()
    )
