"""The service with trap doors: `python -m tests.faults.child ORDERS ...` is `usense ...` which obeys files in ORDERS.

What cannot be done to a process from outside is done where it really happens: a thread hangs or dies in the detector or
in the net, and the process is killed between two steps of a write. uSense itself knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from uSense import upkeep
from uSense.cli import main
from uSense.detectors.hog import HogDetector
from uSense.recognizers.embedders.dlib import DlibEmbedder
from uSense.storage.database import Database

_PAUSE = 0.02
_LATE = 2.0
"""Seconds after which the service tells what a command beside it did not; without this they are many."""


class Orders:
    """Files that tell what shall happen in this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def work(self, part: str) -> None:
        """Hang as long as there is a file `stuck-<part>`, and die of `dead-<part>`."""
        while (self._folder / f"stuck-{part}").exists():
            time.sleep(_PAUSE)
        if (self._folder / f"dead-{part}").exists():
            raise RuntimeError(f"{part} died by order")

    def step(self) -> str:
        """Count a write; where in it the process has to die, if this is the one: `inside`, `after` or `erasing`."""
        order = self._folder / "die"
        if not order.exists():
            return ""
        number, where = order.read_text("ascii").split()
        if number == "1":
            order.unlink()
            return where
        order.write_text(f"{int(number) - 1} {where}", "ascii")
        return ""


def die() -> None:
    """End as a power cut would end it."""
    os.kill(os.getpid(), signal.SIGKILL)


def obey(orders: Orders) -> None:
    """Put the trap doors in."""
    _work(orders, HogDetector, "_search", "detector")
    _work(orders, DlibEmbedder, "_vectors", "net")
    _write(orders)
    defaults = upkeep.tell_late.__kwdefaults__
    assert defaults is not None
    defaults["rest"] = _LATE


def _work(orders: Orders, owner: type, name: str, part: str) -> None:
    """Let a method look for orders before it works."""
    method = getattr(owner, name)

    def obedient(self: Any, *work: Any) -> Any:
        orders.work(part)
        return method(self, *work)

    setattr(owner, name, obedient)


def _write(orders: Orders) -> None:
    """Let every write of the database look for orders."""
    transact, scrub = Database._transact, Database._scrub_if_due
    doomed: list[str] = []

    def writing(self: Database, begin: str, call: Callable[[sqlite3.Connection], Any]) -> Any:
        where = orders.step() if begin == "BEGIN IMMEDIATE" else ""

        def cut_short(connection: sqlite3.Connection) -> Any:
            result = call(connection)
            if where == "inside":
                die()
            return result

        result = transact(self, begin, cut_short)
        if where == "after":
            die()
        if where == "erasing":
            doomed.append(where)
        return result

    def scrubbing(self: Database, connection: sqlite3.Connection, wait: float) -> None:
        if doomed:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            die()
        scrub(self, connection, wait)

    for name, around in (("_transact", writing), ("_scrub_if_due", scrubbing)):
        setattr(Database, name, around)


if __name__ == "__main__":
    obey(Orders(Path(sys.argv.pop(1))))
    sys.argv[0] = "usense"
    main()
