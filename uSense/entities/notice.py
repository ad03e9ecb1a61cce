"""`usense/event`: something that happened."""

from __future__ import annotations

from dataclasses import replace

from uSense.core.events import Notice
from uSense.entities.payload import Context, Message, encode
from uSense.times import rfc3339


def stamped(notice: Notice, wall: float) -> Notice:
    """The notice with the time at which it happened, unless it has one: it may be sent much later."""
    return replace(notice, data={"at": rfc3339(wall), **notice.data})


def notice(event: Notice, context: Context) -> Message:
    """The message of a stamped notice."""
    return Message(context.topics.event, encode({"type": event.type, **event.data}))
