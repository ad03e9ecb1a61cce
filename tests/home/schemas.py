"""Run by Home Assistant's own Python: which discovery payloads does it refuse, and which of their keys does it drop?

Reads a JSON object of payloads by topic (without the prefix) and writes a list of complaints, which is empty if all is
well.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
from typing import Any

PACKAGE = "homeassistant.components.mqtt"
WISHES = {"default_entity_id", "object_id"}
"""Two keys for one thing: the first is known from 2025.10, the second up to 2026.3."""


def schema(component: str) -> Any:
    """What Home Assistant holds a discovered component to."""
    return importlib.import_module(f"{PACKAGE}.{component}").DISCOVERY_SCHEMA


def judged(place: str, component: str, payload: dict[str, Any]) -> list[str]:
    """Complaints about one component."""
    try:
        taken = schema(component)({**payload, "platform": "mqtt"})
    except Exception as error:  # noqa: BLE001 - whatever it says is the complaint
        return [f"{place}: {type(error).__name__}: {error}"]
    dropped = sorted(payload.keys() - taken.keys() - WISHES - {"platform"})
    return [f"{place}: dropped {dropped}"] if dropped else []


def complaints(topic: str, payload: dict[str, Any]) -> list[str]:
    """Complaints about one message."""
    component = topic.split("/", maxsplit=1)[0]
    if component != "device":
        return judged(topic, component, payload)
    try:
        importlib.import_module(f"{PACKAGE}.schemas").DEVICE_DISCOVERY_SCHEMA(payload)
    except Exception as error:  # noqa: BLE001 - whatever it says is the complaint
        return [f"{topic}: {type(error).__name__}: {error}"]
    shared = {key: payload[key] for key in ("device", "origin")}
    components = payload["components"].items()
    return [line for key, one in components for line in judged(f"{topic} {key}", one["platform"], {**shared, **one})]


async def main() -> None:
    """Judge everything."""
    core = importlib.import_module("homeassistant.core").HomeAssistant(tempfile.mkdtemp())
    setup = getattr(importlib.import_module("homeassistant.helpers.frame"), "async_setup", None)
    if setup is not None:
        setup(core)
    found = [line for topic, payload in json.load(sys.stdin).items() for line in complaints(topic, payload)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
