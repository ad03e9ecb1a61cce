from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console
from rich.live import Live

from uSense.demo import view
from uSense.demo.client import Received


def sighting(name: str | None, **more: Any) -> Received:
    """A message of `usense/identity`."""
    decision = {"score": 0.9, "margin": None, "reason": "agreed" if name else "unlike_anybody"}
    payload = {
        "type": "recognized" if name else "unknown",
        "name": name,
        "camera": "room",
        "age_ms": 41,
        "captured_at": "2026-11-22T10:00:00.120Z",
        "decision": decision,
        **more,
    }
    return Received("usense/identity", payload, retain=False)


def test_json() -> None:
    """JSON goes to the output, one message a line, and all that is said goes aside."""
    out, aside = io.StringIO(), io.StringIO()
    screen = view.JsonView(out, aside)
    messages = [Received("usense/status", "online", retain=True), sighting("Zo\u00eb")]
    screen.say("Hello.")
    for message in messages:
        screen.show(message)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines == [{"topic": got.topic, "payload": got.payload, "retain": got.retain} for got in messages]
    assert aside.getvalue() == "Hello.\n"


def test_plain() -> None:
    """Sightings are lines under one heading; other topics are not shown."""
    out = io.StringIO()
    screen = view.PlainView(out)
    screen.say("Hello.")
    for message in (Received("usense/status", "online", retain=True), sighting("Anna"), sighting(None)):
        screen.show(message)
    said, heading, *rows = out.getvalue().splitlines()
    assert said == "Hello."
    assert heading.split() == ["time", "camera", "type", "name", "score", "margin", "age", "ms"]
    assert [row.split()[1:] for row in rows] == [
        ["room", "recognized", "Anna", "0.90", "-", "41"],
        ["room", "unknown", "-", "0.90", "-", "41"],
    ]


def test_live() -> None:
    """On a terminal the table keeps the latest sightings, and markup in a name is only text."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with Live(console=console, auto_refresh=False) as live:
        screen = view.LiveView(live)
        screen.say("Hello [bold]you[/bold].")
        for number in range(view.ROWS + 3):
            screen.show(sighting(f"Person {number} [red]"))
        table = live.renderable
    console.print(table)
    shown = out.getvalue()
    last = shown[shown.rindex("usense/identity") :]
    assert "Hello [bold]you[/bold]." in shown
    assert "Person 2 " not in last
    assert "Person 3 [red]" in last
    assert f"Person {view.ROWS + 2} [red]" in last
