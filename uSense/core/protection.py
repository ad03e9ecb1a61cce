"""How often the machine bears to look at its cameras: less while it is hot, short of power or short of memory.

Feed it what sensors say, then ask it for the share. Slower at once, faster slowly: one step when all was well for a
while. A sensor that cannot be read leaves things as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, TypeAlias

from annotated_types import Interval

from uSense.core.bounds import Week

STEPS = 3
"""Times that the rate is halved at most."""
STEP = 2.0
"""Degrees Celsius from one halving to the next."""
_RECOVERED = 1.5
"""So many times more memory than too little is enough again."""
_SHARES = ("as often", "half as often", "a quarter as often", "an eighth as often")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionRules:
    """When cameras are looked at less often, so that the machine stays cool and has power and memory."""

    enabled: bool = True
    """Look at temperature, power supply and memory; off, none of it is read."""
    slower_from: Annotated[float, Interval(ge=30, le=110)] = 75.0
    """Degrees Celsius of the processor from which cameras are looked at half as often; a quarter from 2 more, an eighth
    from 4. A Pi slows itself down at 80."""
    usual_below: Annotated[float, Interval(ge=20, le=109)] = 70.0
    """Degrees below which they are looked at as usual again; for a quarter and an eighth 2 and 4 more."""
    little_memory: Annotated[float, Interval(ge=0, le=100_000)] = 30.0
    """Megabytes available, to the machine or within a container's limit, below which it is an eighth; 0 for never."""
    restore_after: Week = 120.0
    """Seconds in which all must be well before the next step back to the usual rate."""
    least_fps: Annotated[float, Interval(ge=0.5, le=120)] = 1.0
    """Looks a second at a camera that always remain."""
    every: Annotated[float, Interval(ge=0.1, le=300)] = 10.0
    """Seconds between two looks at the sensors."""
    thermometer: str = ""
    """File with the processor's temperature in thousandths of a degree; empty for that of a Pi or a board like it."""

    def __post_init__(self) -> None:
        if self.usual_below >= self.slower_from:
            message = "usual_below must be below slower_from: give them 5 degrees"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the sensors say; None where nothing can be read."""

    temperature: float | None = None
    """Degrees Celsius of the processor."""
    slowed: bool | None = None
    """Whether the machine has slowed itself down because it is hot."""
    low_voltage: bool | None = None
    """Whether the supply voltage is too low."""
    available: float | None = None
    """Megabytes that could still be used."""


class Cause(StrEnum):
    """Why cameras are looked at less often."""

    HEAT = "heat"
    POWER = "power"
    MEMORY = "memory"


Range: TypeAlias = tuple[int, int]
"""Steps that are needed at least, and that may be kept at most."""


@dataclass(slots=True)
class Protection:
    """The machine's state, and what it allows."""

    rules: ProtectionRules
    step: int = 0
    """How many times the rate is halved now."""
    _wanted: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(Cause, 0))
    _degrees: float = 0.0
    _megabytes: float = 0.0
    _pressed: float = -math.inf
    """When the step was last needed, or taken."""

    def feed(self, readings: Readings, now: float) -> bool:
        """Take what was read at the monotonic second `now`; whether the share changed."""
        for cause, look in _LOOKS.items():
            if (found := look(readings, self.rules)) is not None:
                least, most = found
                self._wanted[cause] = min(max(self._wanted[cause], least), most)
        self._degrees = self._degrees if readings.temperature is None else readings.temperature
        self._megabytes = self._megabytes if readings.available is None else readings.available
        wanted, before = max(self._wanted.values()), self.step
        if wanted < self.step and now - self._pressed >= self.rules.restore_after:
            self.step, self._pressed = self.step - 1, now
        elif wanted >= self.step:
            self.step, self._pressed = wanted, now
        return self.step != before

    @property
    def share(self) -> float:
        """The part of the usual looks that is to be taken, 0.125 to 1."""
        return 0.5**self.step

    @property
    def causes(self) -> list[Cause]:
        """What is not well now."""
        return [cause for cause, step in self._wanted.items() if step]

    @property
    def reason(self) -> str:
        """Why cameras are looked at less often, and until when, in plain words; empty if they are not."""
        if not self.step:
            return ""
        often = f"looks at the cameras {_SHARES[self.step]}"
        said = [self._said(cause) for cause in self.causes]
        if not said:
            return f"{often}, and more often when all has been well for {self.rules.restore_after:.0f} s"
        why, until = zip(*said, strict=True)
        return f"{' and '.join(why)}: {often} until {' and '.join(until)}"

    def _said(self, cause: Cause) -> tuple[str, str]:
        """What is not well, and what ends it."""
        rules, step = self.rules, self._wanted[cause]
        match cause:
            case Cause.HEAT:
                return f"hot, {self._degrees:.0f} °C", f"it is below {rules.usual_below + STEP * (step - 1):.0f} °C"
            case Cause.POWER:
                return "the supply voltage is too low", "that is over (use the Pi's own power supply)"
            case Cause.MEMORY:
                enough = rules.little_memory * _RECOVERED
                return f"{self._megabytes:.0f} MB of memory are left", f"there are {enough:.0f} MB"


def _heat(read: Readings, rules: ProtectionRules) -> Range | None:
    if read.temperature is None:
        return None
    least = STEPS if read.slowed else _steps(read.temperature - rules.slower_from)
    return least, max(least, _steps(read.temperature - rules.usual_below))


def _steps(over: float) -> int:
    """Steps for so many degrees above the first one."""
    return min(max(math.floor(over / STEP) + 1, 0), STEPS)


def _power(read: Readings, _: ProtectionRules) -> Range | None:
    if read.low_voltage is None:
        return None
    return int(read.low_voltage), int(read.low_voltage)


def _memory(read: Readings, rules: ProtectionRules) -> Range | None:
    if read.available is None:
        return None
    # What is short of memory reads its programs from the disk again and again: half the looks would change nothing.
    enough = rules.little_memory * _RECOVERED
    return STEPS * (read.available < rules.little_memory), STEPS * (read.available < enough)


_LOOKS: Mapping[Cause, Callable[[Readings, ProtectionRules], Range | None]] = {
    Cause.HEAT: _heat,
    Cause.POWER: _power,
    Cause.MEMORY: _memory,
}
