"""What is retained: a type for each topic, and one line."""

from __future__ import annotations

from typing import Any, Literal

from uSense.payloads.people import PersonSummary
from uSense.payloads.presence import CameraPeople, HousePresence, PersonPresence
from uSense.payloads.service import Info
from uSense.payloads.settings import RuntimeSettings
from uSense.schema import Branch


class Stage(Branch):
    """How long one stage of the way of a picture takes."""

    p50_ms: float
    """Milliseconds that half of them take at most."""
    p95_ms: float
    """Milliseconds that 95 of 100 take at most."""


class Spared(Branch):
    """How much the machine is spared."""

    share: float
    """The part of the usual looks at cameras that is taken, 0.125 to 1."""
    causes: list[Literal["heat", "power", "memory"]]
    """What is not well with the machine now."""
    slowdowns: int
    """How often the share was lowered since the start."""


class HealthReport(Branch):
    """How the service is."""

    state: Literal["ok", "degraded"]
    """Whether all parts are well."""
    at: str
    """When it was told; RFC 3339, UTC."""
    problems: dict[str, str]
    """The parts that are ill, and why, in plain words."""
    reason: str
    """Which part is ill and why, in plain words; empty if none is."""
    uptime_s: int
    """Seconds since the start."""
    fps: dict[str, float]
    """Pictures a second, by camera."""
    frames_skipped: dict[str, int]
    """Pictures that a newer one replaced in the camera's thread, by camera."""
    frames_dropped: dict[str, int]
    """Pictures that a newer one replaced before they were looked at, by camera."""
    counts: dict[str, int]
    """What waits now, and what was counted since the start."""
    stages: dict[str, Stage]
    """How long the stages take."""
    quota: dict[str, Any] | None
    """Calls that were made and are left; null without a limit."""
    memory_mb: float | None
    """Megabytes of memory that are used."""
    cpu_s: float | None
    """Seconds of processor time since the start."""
    temperature_c: float | None
    """Temperature of the processor."""
    protection: Spared
    """Whether cameras are looked at less often for the machine's sake."""


STATES: dict[str, Any] = {
    "status": Literal["online", "offline"],
    "info": Info,
    "settings": RuntimeSettings,
    "health": HealthReport,
    "people": list[PersonSummary],
    "camera/+/status": Literal["online", "offline"],
    "camera/+/paused": Literal["ON", "OFF"],
    "camera/+/people": CameraPeople,
    "house": HousePresence,
    "presence/+": PersonPresence,
}
"""Every retained topic without the prefix, `+` for any name, with the type of its value."""
