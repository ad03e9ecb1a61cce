"""The broker amqtt as a program of its own: `python -m uSense.demo.amqtt_child PORT`, until SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading

from amqtt.broker import Broker

FAREWELL = 2.0
"""Seconds in which it says goodbye to its clients."""


async def serve(port: int) -> None:
    """Serve MQTT 3.1.1 on loopback to everybody on this machine."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    print("amqtt running", file=sys.stderr, flush=True)  # noqa: T201 - its log, read by the demo
    await stop.wait()
    # Since Python 3.12 it waits for clients that do not leave; nothing is kept here that could be lost.
    goodbye = threading.Timer(FAREWELL, os._exit, (0,))
    goodbye.daemon = True
    goodbye.start()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
