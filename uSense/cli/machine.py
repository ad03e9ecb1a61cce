"""What the machine itself tells about how it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from uSense import pi
from uSense.cli import raspberry
from uSense.core.findings import Finding, ok, problem, warning
from uSense.health import THERMAL

SYNCHRONIZED = Path("/run/systemd/timesync")
LEAST_MEMORY = 150e6
HOT, TOO_HOT = 75.0, 80.0
"""Degrees: a Pi slows itself down from 80 on."""
BUILT = 1_760_000_000
"""A time (2025) before which no uSense was: a clock that is behind it was never set."""


def look() -> Iterator[Finding]:
    """Clock, memory, temperature and power supply, as far as they can be read."""
    yield clock(time.time(), SYNCHRONIZED)
    yield _memory()
    if (degrees := _degrees(THERMAL)) is not None:
        yield temperature(degrees)
    if (flags := pi.throttled()) is not None:
        yield raspberry.power(flags)
        yield from raspberry.speed(flags)


def clock(now: float, synchronized: Path) -> Finding:
    """Whether the time can be right: events carry it, and a Pi has no clock of its own."""
    said = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now))
    if now < BUILT:
        return problem("clock", f"it is {said}", "set the time: `sudo timedatectl set-ntp true`, and see to a network")
    if synchronized.is_dir() and not (synchronized / "synchronized").exists():
        return warning("clock", f"it is {said}, not compared with a time server yet", "`timedatectl` tells more")
    return ok("clock", f"it is {said}")


def temperature(degrees: float) -> Finding:
    """Whether the processor is about to slow itself down."""
    text = f"the processor has {degrees:.0f} °C"
    if degrees >= TOO_HOT:
        return problem("temperature", f"{text} and slows down", "cool it: a fan, a heat sink, less fps")
    if degrees >= HOT:
        return warning("temperature", text, "from 80 °C on a Pi slows down: cool it")
    return ok("temperature", text)


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    text = f"{memory.available / 1e6:.0f} of {memory.total / 1e6:.0f} MB free"
    if memory.available < LEAST_MEMORY:
        return warning("memory", text, "end other programs: the service needs about 300 MB")
    return ok("memory", text)


def _degrees(thermal: Path) -> float | None:
    try:
        return int(thermal.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None
