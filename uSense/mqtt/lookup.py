"""From a host name to addresses, however long that takes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeAlias

Address: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str | int | bytes, ...]]
"""An address as `socket.getaddrinfo` gives it."""


async def look_up(host: str, port: int) -> Sequence[Address]:
    """All addresses of a host; raises socket.gaierror, also for what cannot be a name.

    The system's look-up can hang and cannot be interrupted: its thread is left alone when the waiter is canceled, and
    the process does not wait for it at its end, as it would for one of asyncio's own threads.
    """
    found: Future[Sequence[Address]] = Future()
    threading.Thread(
        target=_run, args=(found, lambda: _addresses(host, port)), name="mqtt look-up", daemon=True
    ).start()
    return await asyncio.wrap_future(found)


def _addresses(host: str, port: int) -> Sequence[Address]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError as error:  # an empty or too long part, or a null character
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error


def _run(found: Future[Sequence[Address]], call: Callable[[], Sequence[Address]]) -> None:
    if not found.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - the waiter gets it, as from any executor
        found.set_exception(error)
    else:
        found.set_result(result)
