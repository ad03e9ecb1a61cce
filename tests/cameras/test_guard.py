"""The last resort against drivers that hang."""

from __future__ import annotations

import subprocess
import sys

from tests.support.needs import ROOT

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


RETURNS = """
import threading, time
from uSense.cameras.guard import ends_within

inside, leave = threading.Event(), threading.Event()

def other():
    with ends_within(600):
        inside.set()
        leave.wait()

thread = threading.Thread(target=other)
with ends_within(600):
    thread.start()
    inside.wait()
    with ends_within(0.01):
        time.sleep(0.05)
leave.set()
thread.join()
with ends_within(0.5):
    pass
time.sleep(1)
"""


def test_what_returns_in_time_is_left_alone() -> None:
    """Guards may overlap and end in any order, the most patient one counts; when all have ended no timer is left."""
    done = subprocess.run([sys.executable, "-c", RETURNS], cwd=ROOT, capture_output=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
