"""The broker amqtt in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

from uSense.demo.broker import free_port

STUCK = """
import asyncio
from amqtt.broker import Broker
from uSense.demo import amqtt_child

async def forever(self):
    await asyncio.Event().wait()

Broker.shutdown = forever
asyncio.run(amqtt_child.serve({port}))
"""


def test_it_ends_although_clients_stay() -> None:
    """A goodbye that takes for ever, as with Python 3.12 to a client that does not leave, keeps nobody waiting."""
    program = [sys.executable, "-c", STUCK.format(port=free_port())]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as broker:
        assert broker.stderr is not None
        while "amqtt running" not in broker.stderr.readline():
            assert broker.poll() is None
        broker.send_signal(signal.SIGTERM)
        assert broker.wait(30) == 0
