"""What the machine tells of itself: temperature, power supply, memory. All of it blocks, if only for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from uSense import pi
from uSense.core.protection import Readings
from uSense.core.throttling import Throttling

_SOC = {"cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal"}
"""Types of the thermal zones of a Pi's processor and those like it. A PC's are hot by nature."""


class Sensors:
    """Reads them as they are in Linux's files below `root`."""

    def __init__(self, thermometer: str = "", root: Path = Path("/")) -> None:
        self._thermometer = Path(thermometer) if thermometer else None
        self._root = root

    def read(self) -> Readings:
        """What can be read now."""
        flags = pi.throttled(self._root)
        low = None if flags is None else Throttling.UNDERVOLTAGE in flags
        return Readings(
            temperature=self._temperature(),
            # A Pi says so of low voltage as well.
            slowed=None if flags is None else Throttling.THROTTLED in flags and not low,
            low_voltage=low,
            available=self._available(),
        )

    def _temperature(self) -> float | None:
        place = self._thermometer or self._own_thermometer()
        degrees = None if place is None else _number(place)
        return None if degrees is None else degrees / 1000

    def _own_thermometer(self) -> Path | None:
        zones = sorted(self._root.glob("sys/class/thermal/thermal_zone*"))
        return next((zone / "temp" for zone in zones if _text(zone / "type") in _SOC), None)

    def _available(self) -> float | None:
        """Megabytes: what the machine has left, or the cgroup with the lowest limit, in a container its own."""
        left = [*self._left_in_groups()]
        for line in (_text(self._root / "proc/meminfo") or "").splitlines():
            name, _, rest = line.partition(":")
            if name == "MemAvailable":
                left.append(int(rest.split()[0]) * 1024)
        return min(left) / 1e6 if left else None

    def _left_in_groups(self) -> Iterator[int]:
        for group in self._groups():
            most, used = _number(group / "memory.max"), _number(group / "memory.current")
            if most is not None and used is not None:
                # Pages of files count as used, and are given back when there is need.
                yield max(0, most - used + _files(group))

    def _groups(self) -> Iterator[Path]:
        """This process's group and those around it, of cgroup v2."""
        top = self._root / "sys/fs/cgroup"
        for line in (_text(self._root / "proc/self/cgroup") or "").splitlines():
            if line.startswith("0::/"):
                own = Path(line.removeprefix("0::/"))
                yield from (top / own, *(top / outer for outer in own.parents))


def _files(group: Path) -> int:
    """Bytes of a group that are pages of files, which nobody has to write before."""
    found = 0
    for line in (_text(group / "memory.stat") or "").splitlines():
        name, _, number = line.partition(" ")
        if name in {"active_file", "inactive_file"} and number.isdecimal():
            found += int(number)
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path) or "", base)
    except ValueError:
        return None
