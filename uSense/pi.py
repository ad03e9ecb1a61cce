"""What a Raspberry Pi tells about itself; everything is None on other machines. Reads files: not for the event loop.

`root` is where `/dev`, `/proc` and `/sys` are.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from uSense.core.throttling import Throttling

ROOT = Path("/")
_PROPERTY = 0xC0086400
"""The ioctl of the firmware's mailbox."""
_MESSAGE = struct.Struct("=6I1024sI")
"""Size, request, tag, size of the value, of the request in it, the firmware's answer code, the text, the last tag."""
_GENCMD = 0x00030080
"""The tag of commands in words, those of `vcgencmd`."""
_DOORS = ("vcio_gencmd", "vcio")
"""The mailbox: for these commands alone, and for everything, which newer systems keep to root."""

Gencmd: TypeAlias = Callable[[str, Path], str]


def model(root: Path = ROOT) -> str | None:
    """Such as `Raspberry Pi 5 Model B Rev 1.0`."""
    # Containers have no device tree; the kernel's other file with the name is there.
    for file, pattern in (
        ("proc/device-tree/model", r"(Raspberry Pi[^\0\n]*)"),
        ("proc/cpuinfo", r"Model\s*: (Ras.*)"),
    ):
        found = re.search(pattern, _text(root / file))
        if found:
            return found[1].strip()
    return None


def gencmd(command: str, devices: Path) -> str:
    """What the firmware answers to a command of `vcgencmd`; raises OSError where it cannot be asked."""
    for name in _DOORS:
        try:
            door = os.open(devices / name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            message = bytearray(_MESSAGE.pack(_MESSAGE.size, 0, _GENCMD, 1024, 0, 0, command.encode("ascii"), 0))
            fcntl.ioctl(door, _PROPERTY, message)
        finally:
            os.close(door)
        answer: bytes = _MESSAGE.unpack(message)[6]
        return answer.split(b"\0", 1)[0].decode("ascii", "replace")
    raise FileNotFoundError(devices / _DOORS[0])


def throttled(root: Path = ROOT, ask: Gencmd = gencmd) -> Throttling | None:
    """What the firmware says of voltage and speed, as far as this user may know it.

    Without the right to ask the firmware (group video; in a container the device /dev/vcio_gencmd) the kernel's alarm
    is left, which only knows whether the voltage is too low.
    """
    try:
        flags = Throttling.read(ask("get_throttled", root / "dev"))
    except OSError:
        flags = None
    if flags is not None:
        return flags
    alarm = undervoltage(root)
    if alarm is not None:
        return Throttling.UNDERVOLTAGE if alarm else Throttling(0)
    # The last resort: the kernel writes a warning into its log at the first look, and newer ones do not have it.
    for file in sorted(root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled")):
        return Throttling.read(_text(file))
    return None


def undervoltage(root: Path = ROOT) -> bool | None:
    """Whether the kernel's voltage alarm is on."""
    for sensor in sorted(root.glob("sys/class/hwmon/hwmon*")):
        if _text(sensor / "name").strip() == "rpi_volt":
            return {"0": False, "1": True}.get(_text(sensor / "in0_lcrit_alarm").strip())
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""
