"""The end of the service's process: in time, whatever hangs in it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable

import structlog

from uSense import aio

log = structlog.get_logger()

WORK = {
    "camera": "the {name}",
    "detect": "a model ({name})",
    "evaluate": "a model ({name})",
    "embed": "a model ({name})",
    "face-api": "a picture that was sent to the Face API",
    "storage": "the disk with the data folder",
    "lock": "the disk with the data folder",
    "mqtt look-up": "the name server",
    "asyncio": "a disk",
    "uvloop": "a disk",
}
"""What does not answer, by how the names of its threads begin."""


def within(seconds: float, code: int = 0) -> None:
    """End the process by force, with this exit code, if it has not ended by itself after these seconds.

    Threads that hang on a dead disk would keep Python from ending, and native code that is left alone at its work
    would abort the process.
    """
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), _by_force, (code,))
    timer.daemon = True
    timer.name = "ending"
    timer.start()


def blamed(threads: Iterable[str]) -> str:
    """What threads with these names wait for, in plain words."""
    found = [
        words.format(name=name) for name in sorted(threads) for start, words in WORK.items() if name.startswith(start)
    ]
    # Threads of the loop's own wait for work after it, too.
    sure = [one for one in found if one != WORK["uvloop"]] or found
    return f"{' and '.join(dict.fromkeys(sure)) or 'something'} did not answer"


def _by_force(code: int) -> None:
    working = {thread.name for thread in threading.enumerate()} - {"MainThread", "ending"} - aio.idle()
    log.warning("ended by force", hint=blamed(working), threads=sorted(working))
    sys.stderr.flush()
    os._exit(code)
