"""The last resort against drivers that hang."""

from __future__ import annotations

import subprocess
import sys
import threading

from tests.support.needs import ROOT
from uSense.cameras.guard import ends_within

HANGS_WITH_GIL = """
import ctypes
from uSense.cameras.guard import ends_within

def hanging_driver():
    ctypes.PyDLL(None).sleep(60)

with ends_within(0.2):
    hanging_driver()
"""


def test_a_hang_that_keeps_the_gil_ends_the_process() -> None:
    """Although Python cannot run a line, the process ends with exit code 1 and tells where it hung."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS_WITH_GIL], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "hanging_driver" in done.stderr


def test_what_returns_in_time_is_left_alone() -> None:
    """Guards may overlap and end in any order; when all have ended no timer is left."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with ends_within(60):
            inside.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with ends_within(0.05):
        thread.start()
        inside.wait()
    leave.set()
    thread.join()
    assert not leave.wait(0) or thread.ident
