"""What all messages share: how values become bytes, and what surrounds an event."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from uSense.core.events import Sighting
from uSense.core.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What stays the same while the service runs. `lifetime` in seconds, None without; `name_topic` "" for none.

    `strangers` is the share of strangers in sight that calibrated confidences assume.
    """

    instance: str
    recognizer: str
    model: str
    topics: Topics = field(default_factory=Topics)
    name_topic: str = "usense/identity/name"
    lifetime: float | None = 10.0
    strangers: float = 0.20


@dataclass(frozen=True, slots=True)
class Message:
    """A message for the broker. `lifetime` is the seconds after which nobody should get it, None without end.

    `correlation` is what an asker by MQTT 5 wants to have back, `user` are user properties. A `rooted` message goes to
    somebody else's part of the broker, which we may do without.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    lifetime: float | None = None
    correlation: bytes | None = None
    rooted: bool = False
    user: tuple[tuple[str, str], ...] = ()


def remaining(sighting: Sighting, context: Context, now: float) -> float | None:
    """Seconds until a sighting is too old to be told (negative: it is), None if it never is."""
    return None if context.lifetime is None else sighting.stamp + context.lifetime - now


def encode(value: Any) -> bytes:
    """A JSON value as compact UTF-8; half surrogates, which UTF-8 cannot hold, become `?`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
