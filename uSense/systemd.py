"""Tells systemd how the service is, where systemd started it with `Type=notify`; elsewhere nothing is done.

The protocol is sd_notify(3): lines of text in datagrams to a unix socket.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

_OFTEN = 3
"""Signs of life in the time within which systemd wants one."""


@dataclass(frozen=True, slots=True)
class Systemd:
    """What waits for news of this process: a socket's address, empty for none, and seconds between signs of life."""

    address: str = ""
    every: float = 0.0

    @classmethod
    def found(cls, environment: MutableMapping[str, str]) -> Systemd:
        """As the environment says; it is taken out of it, so that no child speaks for the service."""
        address = environment.pop("NOTIFY_SOCKET", "")
        within = environment.pop("WATCHDOG_USEC", "0")
        meant = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        wanted = address and meant and within.isdecimal()
        return cls(address, int(within) / 1e6 / _OFTEN if wanted else 0.0)

    def tell(self, news: str) -> None:
        """Such as `READY=1`; what cannot be told is left out, as nobody waits for an answer."""
        if not self.address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            try:
                # Addresses that begin with @ are those without a file.
                channel.sendto(news.encode(), self.address.replace("@", "\0", 1))
            except OSError as error:
                log.debug("systemd does not listen", problem=str(error))

    async def live(self) -> None:
        """Send signs of life for as long as the event loop goes round."""
        while True:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.every)


NOBODY = Systemd()
"""Where the service was not started by systemd."""
