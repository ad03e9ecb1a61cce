"""Free TCP ports on loopback."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A port that nothing listens on.

    Below the range from which the system takes ports for outgoing connections: else a client that keeps asking for a
    closed port may at last be connected to itself, and the server that owned the port cannot come back.
    """
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - any port will do
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
