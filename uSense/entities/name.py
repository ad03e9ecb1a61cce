"""`usense/identity/name`: the bare name, for the simplest consumers."""

from __future__ import annotations

from uSense.core.events import Sighting
from uSense.entities.payload import Context, Message, remaining


def name(sighting: Sighting, context: Context, now: float) -> list[Message]:
    """The name of a person who was recognized; nothing for strangers, or if the topic is switched off."""
    if not sighting.name or not context.name_topic:
        return []
    left = remaining(sighting, context, now)
    return [Message(context.name_topic, sighting.name.encode("utf-8", "replace"), 0, lifetime=left)]
