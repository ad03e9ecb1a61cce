"""The end of the service's process: in time, whatever hangs in it."""

from __future__ import annotations

import os
import sys
import threading

import structlog

log = structlog.get_logger()


def within(seconds: float, code: int = 0) -> None:
    """End the process by force, with this exit code, if it has not ended by itself after these seconds.

    Threads that hang on a dead disk would keep Python from ending, and native code that is left alone at its work
    would abort the process.
    """
    timer = threading.Timer(seconds, _by_force, (code,))
    timer.daemon = True
    timer.name = "ending"
    timer.start()


def _by_force(code: int) -> None:
    working = sorted({thread.name for thread in threading.enumerate()} - {"MainThread", "ending"})
    log.warning("ended by force", hint="a disk or a model did not answer", threads=working)
    sys.stderr.flush()
    os._exit(code)
