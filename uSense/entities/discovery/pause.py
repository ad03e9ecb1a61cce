"""Pause: closes a camera, and opens it again."""

from __future__ import annotations

import json

from uSense.entities.discovery.base import Entity, Place, Site


def pause(camera: Place, site: Site) -> Entity | None:
    """A switch, also for a camera that is offline: a paused one is."""
    if not site.takes("camera/pause"):
        return None
    options = {
        "state_topic": site.topics.of(f"camera/{camera.key}/paused"),
        "state_on": "ON",
        "state_off": "OFF",
        "command_topic": site.command("camera/pause"),
        "payload_on": json.dumps({"camera": camera.key, "paused": True}),
        "payload_off": json.dumps({"camera": camera.key, "paused": False}),
        "icon": "mdi:pause",
    }
    return Entity("switch", "pause", "Pause", options, aloof=True)
