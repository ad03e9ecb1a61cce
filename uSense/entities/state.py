"""Retained topics: the present value of something."""

from __future__ import annotations

from uSense.core.events import State
from uSense.entities.payload import Context, Message, encode

_FLEETING = {"health"}
"""States whose loss the next one makes good: QoS 0."""


def state(event: State, context: Context) -> Message:
    """The message of a state: text as it is, None as an empty payload that removes the topic, all else as JSON."""
    match event.value:
        case None:
            payload = b""
        case str():
            payload = event.value.encode("utf-8", "replace")
        case _:
            payload = encode(event.value)
    topic = event.topic if event.rooted else context.topics.of(event.topic)
    return Message(topic, payload, 0 if event.topic in _FLEETING else 1, retain=True, rooted=event.rooted)
