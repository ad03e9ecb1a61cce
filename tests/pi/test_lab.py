"""The real picamera2 takes part in the tests, in a Debian of its own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import needs

LAB = needs.ROOT / "tests" / "pi" / "lab"
CANNOT = 77
"""The lab's exit code where it cannot be set up."""
FOLDER = Path(os.environ.get("USENSE_LAB") or Path.home() / ".cache" / "usense-lab")


def require_lab() -> None:
    """End the test where nobody set the lab up."""
    if not (FOLDER / "trixie" / "var" / "lib" / "usense-heap").is_file():
        needs.missing("the lab is not set up: tests/pi/lab")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_real_picamera2_passes() -> None:
    """On libcamera's virtual camera the contract of all cameras holds, and faces travel to decisions."""
    require_lab()
    done = subprocess.run([LAB], capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode == CANNOT:
        needs.missing(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= 14
    assert "skipped" not in done.stdout


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_the_service_holds_under_systemd() -> None:
    """As it is shipped, it recognizes, comes back when it dies or hangs, and stays down where that is right."""
    require_lab()
    done = subprocess.run([LAB, "systemd"], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == CANNOT:
        needs.missing(done.stderr.strip())
    said = done.stdout.splitlines()
    assert (done.returncode, len(said)) == (0, 8), done.stdout + done.stderr
    assert all(line.startswith("ok ") for line in said)
