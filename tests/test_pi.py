"""What a Raspberry Pi's files say, as they are on real ones."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from uSense import pi
from uSense.core.throttling import Throttling


def put(root: Path, files: dict[str, str]) -> Path:
    """These files below `root`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def refused(_: str, devices: Path) -> str:
    """A firmware that this user may not ask."""
    raise PermissionError(errno.EACCES, "Permission denied", str(devices))


SENSORS = {"sys/class/hwmon/hwmon0/name": "cpu_thermal\n", "sys/class/hwmon/hwmon1/name": "rpi_volt\n"}
ALARM = "sys/class/hwmon/hwmon1/in0_lcrit_alarm"
OLD = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}, "Raspberry Pi 5 Model B Rev 1.0"),
        (
            {"proc/cpuinfo": "Hardware\t: BCM2835\nSerial\t\t: 10\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"},
            "Raspberry Pi 4 Model B Rev 1.4",
        ),
        ({"proc/device-tree/model": "Radxa ROCK 5B\0"}, None),
        ({"proc/cpuinfo": "model name\t: Intel(R) Xeon(R)\n"}, None),
        ({}, None),
    ],
)
def test_the_model(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    """From the device tree; in a container, which has none, from the kernel's other file."""
    assert pi.model(put(tmp_path, files)) == expected


def test_the_firmware_knows_most(tmp_path: Path) -> None:
    """It also tells what was before."""
    put(tmp_path, SENSORS | {ALARM: "0\n"})
    asked = []

    def answer(command: str, devices: Path) -> str:
        asked.append((command, devices))
        return "throttled=0x50000"

    flags = pi.throttled(tmp_path, answer)
    assert flags == Throttling.UNDERVOLTAGE_OCCURRED | Throttling.THROTTLED_OCCURRED
    assert asked == [("get_throttled", tmp_path / "dev")]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (SENSORS | {ALARM: "1\n"}, Throttling.UNDERVOLTAGE),
        (SENSORS | {ALARM: "0\n"}, Throttling(0)),
        (SENSORS | {ALARM: "0\n", OLD: "50005\n"}, Throttling(0)),
        (SENSORS, None),
        ({OLD: "80008\n"}, Throttling.SOFT_LIMIT | Throttling.SOFT_LIMIT_OCCURRED),
        ({"sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "0\n"}, Throttling(0)),
        ({OLD: "\n"}, None),
        ({}, None),
    ],
)
def test_without_the_firmware_the_kernel_is_asked(
    tmp_path: Path, files: dict[str, str], expected: Throttling | None
) -> None:
    """The voltage alarm, and only where there is none the file that makes the kernel complain."""
    assert pi.throttled(put(tmp_path, files), refused) == expected


def test_a_device_that_is_none_is_no_bug(tmp_path: Path) -> None:
    """What a container has in its place, and nothing at all, are told as OSError."""
    with pytest.raises(FileNotFoundError):
        pi.gencmd("get_throttled", tmp_path)
    (tmp_path / "vcio").touch()
    with pytest.raises(OSError, match="ioctl"):
        pi.gencmd("get_throttled", tmp_path)
    assert pi.throttled(tmp_path) is None
