"""Ends the process when a driver hangs that Python cannot interrupt.

libcamera's Python bindings keep the GIL while they wait for the driver: if that hangs, no other thread of the process
runs any more, and neither does the event loop. Only the watchdog thread of `faulthandler`, which is written in C and
needs no GIL, can still end the process: it writes where each thread was to stderr, and the exit code is 1.
"""

from __future__ import annotations

import faulthandler
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_lock = threading.Lock()
_guarded: list[float] = []
"""The bounds of the calls that are under way; `faulthandler` has one timer for all of them."""


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Calls into a driver; if they take longer, the process ends with exit code 1."""
    with _lock:
        _guarded.append(seconds)
        _wind()
    try:
        yield
    finally:
        with _lock:
            _guarded.remove(seconds)
            _wind()


def _wind() -> None:
    """Set the timer anew for those under way: the bound begins again for them, which makes it no tighter."""
    if _guarded:
        faulthandler.dump_traceback_later(max(_guarded), exit=True, file=_STDERR)
    else:
        faulthandler.cancel_dump_traceback_later()
