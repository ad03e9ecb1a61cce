"""What an earlier run left at the broker: its own `info`, which the broker keeps, is the record of it."""

from __future__ import annotations

import json
from typing import Any

from uSense.core.topics import camera_states, check_topic


def left_behind(info: bytes, instance: str) -> list[str]:
    """The state topics, without the prefix, of the cameras in an `info`; none if that is not of this instance.

    Topics that no such record names may be somebody else's, and are left alone.
    """
    try:
        told: Any = json.loads(info)
    except (ValueError, RecursionError):
        return []
    if not isinstance(told, dict) or told.get("instance") != instance or not isinstance(told.get("cameras"), list):
        return []
    cameras = [name for name in told["cameras"] if isinstance(name, str) and _is_level(name)]
    return [topic for camera in cameras for topic in camera_states(camera)]


def _is_level(name: str) -> bool:
    """Whether a name can be one level of a topic."""
    try:
        check_topic(name)
    except ValueError:
        return False
    return "/" not in name
