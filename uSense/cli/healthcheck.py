"""`usense healthcheck`: is the running service well? For containers and supervisors."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from uSense.cli.common import ConfigFile, Json, load
from uSense.core.errors import BrokerError

if TYPE_CHECKING:
    from uSense.settings import Settings

WITHIN = 2.0
"""Seconds in which a service that is well has answered."""
LATE = 30.0
"""Seconds that a report may be later than the next one was due: a busy Pi, clocks that differ."""


def healthcheck(
    ctx: typer.Context,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Say whether the running service is well: online, answering, and nothing ill in its latest health report.

    Exit codes: 0 well, 1 not, with the reason, 2 bad settings.
    """
    settings = load(ctx, config)
    reason = asyncio.run(_reason(settings))
    if as_json:
        typer.echo(json.dumps({"healthy": reason is None, "reason": reason or ""}, ensure_ascii=False))
    else:
        typer.echo(reason or "well", err=reason is not None)
    if reason is not None:
        raise typer.Exit(1)


async def _reason(settings: Settings) -> str | None:
    """What is wrong, in plain words."""
    # Before the time begins: on a busy Pi alone this would take most of it.
    import uSense.mqtt.asker  # noqa: F401 - only to have it loaded

    try:
        async with asyncio.timeout(WITHIN):
            return await _examined(settings)
    except TimeoutError:
        return f"neither the broker at {settings.mqtt.address} nor the service answered within {WITHIN:g} s"
    except BrokerError as error:
        return str(error)


async def _examined(settings: Settings) -> str | None:
    from uSense.cli import remote
    from uSense.mqtt.asker import parsed
    from uSense.mqtt.rivals import KEPT_WITHIN

    health_topic = settings.mqtt.topics.of("health")
    async with AsyncExitStack() as stack:
        asker = await remote.meet(stack, settings, "health")
        status = await asker.latest(settings.mqtt.topics.status, KEPT_WITHIN)
        if status is None or status.payload != b"online":
            said = "nothing" if status is None else repr(status.payload.decode(errors="replace")[:40])
            where = f"below {settings.mqtt.prefix!r} at {settings.mqtt.address}"
            return f"no service is online {where}: the broker keeps {said} on {settings.mqtt.topics.status}"
        info = await remote.introduce(asker, settings, WITHIN)
        if info is None:
            return "the service is said to be online, but does not answer: it hangs or is no more"
        health = await asker.latest(health_topic, KEPT_WITHIN)
        return judged(parsed(health.payload) if health else None, info, time.time())


def judged(health: Any, info: dict[str, Any], now: float) -> str | None:
    """What a health report says is wrong; a report that is too old is wrong, too."""
    if not isinstance(health, dict):
        return "its health cannot be read: may this user read all topics of uSense in the broker's access list?"
    every = info.get("settings", {}).get("health_every", 30)
    age = now - datetime.fromisoformat(str(health["at"])).timestamp() if "at" in health else 0.0
    if age > every + LATE:
        return f"the last health report is {age:.0f} s old, and one is due every {every:g} s"
    # A machine that is spared is not started anew: that would cool nothing.
    if health.get("state") != "ok" and set(health.get("problems", ())) != {"protection"}:
        return f"degraded: {health.get('reason')}"
    return None
