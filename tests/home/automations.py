"""Automations made of the blueprints in config/home-assistant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.home.hass import HomeAssistant
from tests.peers.mosquitto import Mosquitto
from tests.support.waiting import until


async def subscribed(broker: Mosquitto) -> None:
    """Wait until Home Assistant hears events: it subscribes a moment after an automation was added."""
    await until(lambda: broker.logged(" 1 usense/event"))


async def use(hass: HomeAssistant, name: str, blueprint: str, said: Mapping[str, str], **inputs: Any) -> None:
    """Make an automation of a blueprint, whose action is an event of that name on Home Assistant's bus."""
    action = [{"event": name, "event_data": dict(said)}]
    path = f"usense/{blueprint}.yaml"
    await hass.automate(name, {"use_blueprint": {"path": path, "input": {"actions": action, **inputs}}})
