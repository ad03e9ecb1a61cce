"""The service of systemd that is shipped, as far as systemd can judge it without running it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import needs
from uSense import app
from uSense.cameras import picamera
from uSense.settings import loading

UNIT = needs.ROOT / "config" / "usense.service"
DOCUMENT = (needs.ROOT / "docs" / "install-pi.md").read_text("utf-8")
GROWING_PAUSE = 254
"""The systemd that knows pauses that grow."""
EXPOSURE = "20"
"""Tenths, of a hundred at most; an ordinary service has 96."""


@pytest.fixture(scope="module")
def analyze() -> str:
    """Systemd's judge."""
    return needs.program("systemd-analyze", "systemd")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    copy = tmp_path / "usense.service"
    copy.write_text(UNIT.read_text("utf-8").replace("=/opt/usense/bin/usense run", "=/bin/sh"), "utf-8")
    return copy


def value(key: str) -> str:
    """What the unit says for it."""
    (found,) = re.findall(rf"^{key}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    return str(found)


def test_systemd_understands_it(analyze: str, unit: Path) -> None:
    """Each key and each value; only what is newer than this systemd is passed over, which it says twice."""
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    found = re.search(r"systemd (\d+)", subprocess.check_output([analyze, "--version"], text=True))
    assert found is not None
    newer = "Unknown key 'Restart(Steps|MaxDelaySec)' in section" if int(found[1]) < GROWING_PAUSE else "nothing"

    said = [line for line in (done.stdout + done.stderr).splitlines() if not re.search(newer, line)]

    assert (done.returncode, said) == (0, [])


def test_it_may_do_little(analyze: str, unit: Path) -> None:
    """Systemd's own measure of what a service that was taken over could do."""
    command = (analyze, "security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", unit)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_times_fit_the_service() -> None:
    """A driver may hold Python up between two signs of life, and the end may take as long as it is given."""
    held_up = picamera.OPENING + picamera.CLOSING + picamera._ENDING
    assert int(value("WatchdogSec")) * 2 / 3 > held_up
    assert int(value("TimeoutStopSec")) > app.PATIENCE + app.FAREWELL


def test_the_document_names_its_places() -> None:
    """What is made by hand is where the unit and the service look for it."""
    program, data = value("ExecStart").split()[0], f"/var/lib/{value('StateDirectory')}"
    assert f"venv --system-site-packages {Path(program).parents[1]}" in DOCUMENT
    assert f"--home-dir {data} " in DOCUMENT
    assert f"`data_dir: {data}`" in DOCUMENT
    assert f"groups {value('SupplementaryGroups')} {value('User')}\n" in DOCUMENT
    assert f"tee {loading.PLACES[1]}" in DOCUMENT
    assert value("RestartPreventExitStatus") == "2"
