"""`usense enroll NAME --camera CAMERA`: the running service enrolls somebody, and this shows what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from uSense.core.errors import BrokerError, RequestError, UsenseError

if TYPE_CHECKING:
    from uSense.mqtt.asker import Asker
    from uSense.settings import Settings

STARTS_WITHIN = 20.0
"""Seconds for the answer to the start, for which the service takes a picture."""
CANCELED_WITHIN = 5.0
"""Seconds for the last word after Ctrl-C."""

Tell: TypeAlias = Callable[[dict[str, Any]], None]
"""Shows an event of the enrollment."""


def at_camera(settings: Settings, name: str, camera: str, *, force: bool, as_json: bool) -> bool:
    """Enroll somebody at a camera of the running service; whether that succeeded."""
    return asyncio.run(guided(settings, name, camera, _tell_json if as_json else _tell, force=force))


async def guided(settings: Settings, name: str, camera: str, tell: Tell, *, force: bool = False) -> bool:
    """Ask the running service and tell everything that it says until the end; canceled, it cancels there, too."""
    from uSense.cli import remote

    async with AsyncExitStack() as stack:
        asker = await remote.find(stack, settings, "event")
        if asker is None:
            raise RequestError("no service is running: start it with `usense run`, it has the camera")
        asked = {"name": name, "camera": camera, "force": force}
        begun = await asker.ask("enroll/start", asked, within=STARTS_WITHIN)
        try:
            return await _followed(asker, settings, begun["enrollment_id"], tell)
        except asyncio.CancelledError:
            with suppress(UsenseError, TimeoutError):
                async with asyncio.timeout(CANCELED_WITHIN):
                    await asker.ask("enroll/cancel", within=CANCELED_WITHIN)
                    await _followed(asker, settings, begun["enrollment_id"], tell)
            raise


async def _followed(asker: Asker, settings: Settings, enrollment_id: str, tell: Tell) -> bool:
    """Tell every event of the enrollment; whether it succeeded."""
    from uSense.mqtt.asker import parsed

    topics = settings.mqtt.topics
    async for message in asker.messages():
        if message.topic == topics.status and message.payload == b"offline":
            raise BrokerError("the service went away: nothing was saved, unless `usense people list` shows it")
        told = parsed(message.payload) if message.topic == topics.event else None
        if not isinstance(told, dict) or told.get("enrollment_id") != enrollment_id:
            continue
        tell(told)
        if told.get("type") == "enroll.finished":
            return told.get("state") == "succeeded"
    raise AssertionError("messages() ends with an error")


def _tell(told: dict[str, Any]) -> None:
    """A prompt or a success on stdout, everything else on stderr."""
    well = told.get("type") == "enroll.prompt" or told.get("state") == "succeeded"
    typer.echo(told.get("text", ""), err=not well)


def _tell_json(told: dict[str, Any]) -> None:
    typer.echo(json.dumps(told, ensure_ascii=False))
