"""What a Pi's and other machines' files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from uSense.core.protection import Readings
from uSense.sensors import Sensors

MEMINFO = "MemTotal:         945364 kB\nMemFree:           53000 kB\nMemAvailable:     400000 kB\nSwapTotal: 0 kB\n"
FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"


def machine(root: Path, **files: str) -> Sensors:
    """Sensors of a machine with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "ascii")
    return Sensors(root=root)


def test_a_pi_tells_everything(tmp_path: Path) -> None:
    """Temperature, power supply and memory of a Pi 4 that is well."""
    sensors = machine(
        tmp_path,
        **{
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "48312\n",
            FIRMWARE: "0\n",
            "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
            "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
            "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
            "proc/meminfo": MEMINFO,
        },
    )

    assert sensors.read() == Readings(temperature=48.312, slowed=False, low_voltage=False, available=409.6)


def test_other_machines_tell_what_they_have(tmp_path: Path) -> None:
    """A PC's processor is hot by nature, so its thermometer does not count; without any file nothing is known."""
    pc = {
        "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
        "sys/class/thermal/thermal_zone0/temp": "91000\n",
        "proc/meminfo": MEMINFO,
    }

    assert machine(tmp_path / "none").read() == Readings()
    assert machine(tmp_path / "pc", **pc).read() == Readings(available=409.6)


def test_a_thermometer_can_be_named(tmp_path: Path) -> None:
    """It counts whatever it is called; one that says nonsense says nothing."""
    thermometer = tmp_path / "temp"
    thermometer.write_text("91000\n")
    sensors = Sensors(str(thermometer), tmp_path)
    hot = sensors.read().temperature
    thermometer.write_bytes(b"\xff?")

    assert hot == 91
    assert sensors.read().temperature is None


@pytest.mark.parametrize(
    ("flags", "slowed", "low_voltage"),
    [
        ("0", False, False),
        ("50000", False, False),  # both were so since the start, and are over
        ("50005", False, True),
        ("80008", False, False),  # the soft limit of a 3B+
        ("e0006", True, False),
        ("f000f", False, True),
    ],
)
def test_flags_of_the_firmware(tmp_path: Path, flags: str, *, slowed: bool, low_voltage: bool) -> None:
    """Only what is so now counts; a Pi short of power says that it is slowed down, too."""
    read = machine(tmp_path, **{FIRMWARE: f"{flags}\n"}).read()

    assert (read.slowed, read.low_voltage) == (slowed, low_voltage)


def test_a_pi_5_tells_low_voltage_by_its_driver_alone(tmp_path: Path) -> None:
    """It has no file with the firmware's flags, and a container may not ask the firmware."""
    alarm = {"sys/class/hwmon/hwmon3/name": "rpi_volt\n", "sys/class/hwmon/hwmon3/in0_lcrit_alarm": "1\n"}
    read = machine(tmp_path, **alarm).read()

    assert (read.slowed, read.low_voltage) == (False, True)


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("0::/\n", {"": (100, 90, 15)}),
        ("1:name=systemd:/\n0::/system.slice/usense.service\n", {"system.slice/usense.service": (100, 90, 15)}),
        ("0::/outer/inner\n", {"outer/inner": (None, 90, 0), "outer": (100, 90, 15)}),
        ("0::/elsewhere\n", {"": (100, 90, 15)}),
    ],
)
def test_the_limit_of_a_container_counts(
    tmp_path: Path, group: str, files: dict[str, tuple[int | None, int, int]]
) -> None:
    """Its own or one around it, whichever leaves least; pages of files can be given back."""
    found = {"proc/meminfo": MEMINFO, "proc/self/cgroup": group}
    for name, (most, used, pages) in files.items():
        place = f"sys/fs/cgroup/{name}".rstrip("/")
        found[f"{place}/memory.max"] = "max\n" if most is None else f"{most * 1_000_000}\n"
        found[f"{place}/memory.current"] = f"{used * 1_000_000}\n"
        found[f"{place}/memory.stat"] = f"anon 70000000\ninactive_file {pages * 1_000_000}\nactive_file 0\n"

    assert machine(tmp_path, **found).read().available == 25
