"""Starts a program that is killed when its parent dies: `python leash.py PID PROGRAM ARGUMENT...`, PID the parent's.

Run as a file, so that nothing but the standard library is read before the program takes this process over.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys

SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"
"""Where servers often lie although these are not in a normal user's PATH."""
_PR_SET_PDEATHSIG = 1


def find(program: str) -> str | None:
    """Path of an installed program."""
    return shutil.which(program) or shutil.which(program, path=SYSTEM_FOLDERS)


def tie(parent: int) -> None:
    """Let the kernel kill this process, and what it becomes, when `parent` ends; if that has ended, now."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent has ended")


if __name__ == "__main__":
    tie(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the parent's own choice of program
