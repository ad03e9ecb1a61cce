"""`<presence.room_topic>/<camera>`: who is how far from a camera, as Home Assistant's `mqtt_room` reads it."""

from __future__ import annotations

from uSense.core.events import Located
from uSense.entities.payload import Message, encode

_LIFETIME = 5.0
"""Seconds after which it says nothing any more."""


def room(event: Located) -> Message:
    """The message of somebody in sight."""
    value = {"id": event.person_id, "name": event.name, "distance": event.distance}
    return Message(event.topic, encode(value), 0, lifetime=_LIFETIME)
