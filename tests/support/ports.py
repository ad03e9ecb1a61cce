"""Free TCP ports on loopback."""

from __future__ import annotations

import itertools
import os
import random
import socket

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_own = range(20_000 + _WORKER, 32_000, _WORKERS)
_ports = itertools.cycle(random.sample(_own, len(_own)))


def free_port() -> int:
    """A port that nothing listens on, and that no other test has in mind.

    Below the range from which the system takes ports for outgoing connections: else a client that keeps asking for a
    closed port may at last be connected to itself, and the server that owned the port cannot come back.
    """
    while True:
        port = next(_ports)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
