"""A broker for the length of the demo: the machine's mosquitto, or amqtt, which comes with uSense."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from uSense import leash
from uSense.demo.child import Child, launch
from uSense.demo.errors import DemoError

LOOPBACK = "127.0.0.1"
TRIES = 5
READY = " running\n"
"""End of the log line by which both brokers say that they serve."""
READY_WITHIN = 20.0
POLL = 0.02

Command: TypeAlias = Sequence[str | Path]


class BrokerKind(StrEnum):
    """Which program serves: `auto` is mosquitto if it is installed, else amqtt."""

    AUTO = "auto"
    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that accepts connections on 127.0.0.1."""

    kind: BrokerKind
    port: int
    child: Child


@asynccontextmanager
async def running(folder: Path, kind: BrokerKind, port: Callable[[], int] | None = None) -> AsyncIterator[Broker]:
    """Run a broker on a free port; its files lie in `folder`. DemoError if none is installed or it does not start."""
    mosquitto, amqtt = await asyncio.to_thread(lambda: (leash.find("mosquitto"), find_spec("amqtt")))
    chosen = choose(kind, mosquitto=mosquitto is not None, amqtt=amqtt is not None)
    broker = await _start(folder, chosen, port or free_port)
    async with broker.child:
        yield broker


def choose(kind: BrokerKind, *, mosquitto: bool, amqtt: bool) -> BrokerKind:
    """What `kind` comes down to, given what is installed; DemoError says what to install."""
    if mosquitto and kind is not BrokerKind.AMQTT:
        return BrokerKind.MOSQUITTO
    if amqtt and kind is not BrokerKind.MOSQUITTO:
        return BrokerKind.AMQTT
    missing = {
        BrokerKind.AUTO: "no MQTT broker is",
        BrokerKind.MOSQUITTO: "mosquitto is not",
        BrokerKind.AMQTT: "amqtt is not",
    }
    message = f"{missing[kind]} installed: either `apt install mosquitto` or `pip install amqtt`"
    raise DemoError(message)


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


async def _start(folder: Path, kind: BrokerKind, port: Callable[[], int]) -> Broker:
    """Start it; on another port if somebody took the first one in the meantime."""
    broker = await _attempt(folder, kind, port())
    for _ in range(TRIES - 1):
        if broker.child.process.returncode is None:
            break
        broker = await _attempt(folder, kind, port())
    if broker.child.process.returncode is not None:
        raise await broker.child.failure("does not start")
    return broker


async def _attempt(folder: Path, kind: BrokerKind, port: int) -> Broker:
    """Start it and wait until it serves or ends."""
    command = await asyncio.to_thread(_command, kind, folder, port)
    log = folder / "broker.log"
    child = await launch(f"the broker {kind}", command, log=log)
    try:
        async with asyncio.timeout(READY_WITHIN):
            await _ready(child, log)
    except BaseException as error:
        await child.__aexit__(type(error), error, error.__traceback__)
        raise
    return Broker(kind, port, child)


async def _ready(child: Child, log: Path) -> None:
    """A connection would prove less: somebody else may have taken the port and answer."""
    while child.process.returncode is None:
        if READY in await asyncio.to_thread(log.read_text, errors="replace"):
            return
        await asyncio.sleep(POLL)


def _command(kind: BrokerKind, folder: Path, port: int) -> Command:
    if kind is BrokerKind.AMQTT:
        return (sys.executable, "-m", "uSense.demo.amqtt_child", str(port))
    lines = [f"listener {port} {LOOPBACK}", "allow_anonymous true", "persistence false", "log_dest stderr"]
    if os.geteuid() == 0:
        lines.insert(0, "user root")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    return (leash.find("mosquitto") or "mosquitto", "-c", config)
