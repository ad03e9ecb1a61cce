"""How the process asks the operating system for memory and gives it back."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Numbers of glibc's malloc.h."""
_LARGE = 2 << 20
"""Bytes: more than what a frame needs again and again, less than what a model needs while it loads."""


def spare() -> None:
    """Let freed memory go back to the system; call it before there is a second thread. Only glibc has to be told.

    By itself it keeps what every thread once had at most, and more of it after each large block that is freed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)
