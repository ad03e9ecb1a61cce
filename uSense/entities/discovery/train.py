"""Train: makes the faces that were added count."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site


def train(_: Place, site: Site) -> Entity | None:
    """A button; what it presses is JSON, unlike Home Assistant's own word."""
    if not site.takes("train"):
        return None
    options = {
        "command_topic": site.command("train"),
        "payload_press": "{}",
        "entity_category": "config",
        "icon": "mdi:school",
    }
    return Entity("button", "train", "Train", options)
