"""`usense wait`: until somebody is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uSense.cli.common import ConfigFile, Json, configure_log, reaching, trace
from uSense.core.names import folded_name

if TYPE_CHECKING:
    from uSense.core.events import Event
    from uSense.mqtt.asker import Asker
    from uSense.settings import Settings

KEYS = ("name", "person_id", "camera", "captured_at", "event_id", "assurance")
"""What is told of an identity."""
AGAIN = 5.0
"""Seconds after which the service is asked again who is there: who comes back soon is not announced again."""
FAREWELL = 5.0
"""Seconds after the time is over in which everything is closed, whatever hangs."""


def wait(
    ctx: typer.Context,
    person: Annotated[str | None, typer.Option("--person", metavar="NAME", help="Name or id of whom to await.")] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, metavar="S", help="Seconds after which to give up.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Only who arrives from now on, not who is there already.")] = False,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Wait until somebody is recognized, print the name and end.

    Asks the running service who is there, and listens to it; where none runs, it is the service meanwhile.

    Exit codes: 0 somebody was recognized, 1 nobody within the time, 2 bad usage or settings.
    """
    from uSense.cli import ending
    from uSense.settings import looking

    if timeout is not None:
        ending.within(timeout + FAREWELL, code=1)
    loaded = trace(ctx, config)
    configure_log(ctx, loaded.settings)
    looking.require(loaded)
    found = asyncio.run(_wait(loaded.settings, person, timeout, new=new))
    if found is None:
        whom = f"{person!r}" if person else "nobody"
        was = "was not recognized" if person else "was recognized"
        typer.echo(f"{whom} {was} within {timeout:g} s", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else found["name"])


async def _wait(settings: Settings, who: str | None, seconds: float | None, *, new: bool) -> dict[str, Any] | None:
    """What is told of the one awaited; None if the time is over."""
    from uSense.cli import remote

    loop, beside = asyncio.get_running_loop(), reaching(settings)
    end = None if seconds is None else loop.time() + seconds
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout_at(end):
                if asker := await remote.find(stack, beside, "people", "identity"):
                    return await _listen(asker, beside, who, new=new)
        except TimeoutError:
            return None
    return await _serve(settings, who, end)


async def _listen(asker: Asker, settings: Settings, who: str | None, *, new: bool) -> dict[str, Any]:
    """The first who fits: of those in sight, unless they must be `new`, and of those who are announced."""
    from uSense.mqtt.asker import parsed
    from uSense.mqtt.rivals import KEPT_WITHIN

    topics = settings.mqtt.topics
    people = await asker.latest(topics.of("people"), KEPT_WITHIN)
    if people is not None:
        _require(who, [(one["name"], one["person_id"]) for one in parsed(people.payload)])
    while True:
        there = [] if new else await _there(asker)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if new else AGAIN):
                return await _first(asker, topics.identity, who, there)


async def _there(asker: Asker) -> Iterable[dict[str, Any]]:
    """Who is in sight, as far as the service tells: while it starts again, nobody."""
    from uSense.core.errors import NoAnswerError, RequestError

    with suppress(NoAnswerError, RequestError):
        info = await asker.ask("info", within=AGAIN)
        return info.get("present", []) if isinstance(info, dict) else []
    return []


async def _first(asker: Asker, topic: str, who: str | None, there: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The first who fits, of those who are there, then of those who are told on the topic."""
    from uSense.mqtt.asker import parsed

    for one in there:
        if _fits(who, one["name"], one["person_id"]):
            return {key: one[key] for key in KEYS}
    async for message in asker.messages():
        told = parsed(message.payload) if message.topic == topic else None
        if isinstance(told, dict) and _fits(who, told.get("name"), told.get("person_id")):
            return {key: told[key] for key in KEYS}
    raise AssertionError("messages() ends with an error")


async def _serve(settings: Settings, who: str | None, end: float | None) -> dict[str, Any] | None:
    """Be the service until somebody who fits is told, or until `end`."""
    from uSense.app import serve
    from uSense.cli import ending
    from uSense.core.events import Sighting
    from uSense.parts import open_control
    from uSense.times import rfc3339

    async with open_control(settings) as control:
        _require(who, [(person.name, person.person_id) for person in await control.people()])
    found: list[dict[str, Any]] = []
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard(event: Event) -> None:
        if isinstance(event, Sighting) and _fits(who, event.name, event.person_id):
            values = {key: getattr(event, key) for key in KEYS}
            found.append(values | {"captured_at": rfc3339(event.captured_at)})
            stop.set()

    timer = loop.call_at(end, stop.set) if end is not None else None
    try:
        await serve(settings, partial(ending.within, code=130), stop=stop, heard=heard)
    finally:
        if timer:
            timer.cancel()
    if not found and (end is None or loop.time() < end):
        raise KeyboardInterrupt
    return found[0] if found else None


def _require(who: str | None, people: list[tuple[str, str]]) -> None:
    if who is not None and not any(_fits(who, *person) for person in people):
        raise typer.BadParameter(f"there is no person {who!r}: see `usense people list`", param_hint="--person")


def _fits(who: str | None, name: str | None, person_id: str | None) -> bool:
    if name is None:
        return False
    return who is None or who == person_id or folded_name(who.strip()) == folded_name(name)
