"""An Mqtt for tests, and what it sends."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from uSense.commands.base import Command
from uSense.core.errors import StorageError
from uSense.core.events import Assurance, Decision, Notice, Sighting, SightingType
from uSense.core.models import Box
from uSense.entities import Context
from uSense.mqtt import Mqtt, MqttSettings


class MemoryJournal:
    """The port Journal without a disk, which can be made to fail."""

    def __init__(self) -> None:
        self.dropped = 0
        self.kept: dict[int, Notice] = {}
        self.broken = False
        self.pending_fails = False
        self.done_fails = False
        self._numbers = itertools.count(1)

    async def append(self, notice: Notice) -> int:
        self._check()
        number = next(self._numbers)
        self.kept[number] = notice
        return number

    async def pending(self, limit: int) -> list[tuple[int, Notice]]:
        self._check(broken=self.pending_fails)
        return list(self.kept.items())[:limit]

    async def done(self, number: int) -> None:
        self._check(broken=self.done_fails)
        self.kept.pop(number, None)

    def _check(self, *, broken: bool = False) -> None:
        if self.broken or broken:
            raise StorageError("the disk is full")


def context(settings: MqttSettings | None = None) -> Context:
    """The context of an instance `hall-pi` under these settings."""
    settings = settings or MqttSettings()
    return Context(
        instance="hall-pi",
        recognizer="local",
        model="dlib-resnet-v1",
        topics=settings.topics,
        name_topic=settings.effective_name_topic,
        lifetime=settings.identity_lifetime,
    )


def make(
    settings: MqttSettings,
    journal: MemoryJournal | None = None,
    *,
    pause: float = 0.05,
    slow: float = 0.1,
    retry: float = 60.0,
) -> Mqtt:
    """An Mqtt that comes back quickly."""
    journal = journal or MemoryJournal()
    pauses = itertools.repeat(pause)
    return Mqtt(settings, context(settings), journal, pauses=lambda: pauses, slow=slow, retry=retry)


@asynccontextmanager
async def running(
    mqtt: Mqtt, commands: Sequence[Command[Any, Any]] | None = None, control: Any = None
) -> AsyncIterator[Mqtt]:
    """Run it, with commands if there are any, and let it say goodbye in the end."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(mqtt.run(), name="mqtt")]
        if commands is not None:
            tasks.append(group.create_task(mqtt.serve(commands, control), name="commands"))
        try:
            yield mqtt
        finally:
            await mqtt.leave(30)
            for task in tasks:
                task.cancel()


async def connected(mqtt: Mqtt) -> None:
    """Wait until it is online."""
    async with asyncio.timeout(30):
        await mqtt.connected.wait()


@contextmanager
def held_back(mqtt: Mqtt) -> Iterator[None]:
    """It does not connect again before the end of this: whoever wants to hear all that it says then can subscribe."""
    there = asyncio.Event()

    async def first() -> None:
        await there.wait()

    mqtt.first = first
    try:
        yield
    finally:
        there.set()


async def settled(mqtt: Mqtt) -> None:
    """Wait until everything was sent."""
    async with asyncio.timeout(30):
        await mqtt.idle.wait()


def sighting(seq: int = 0, name: str | None = "Anna", *, age: float = 0.1, **changes: Any) -> Sighting:
    """A sighting decided by a picture that was taken `age` seconds ago."""
    values: dict[str, Any] = {
        "event_id": f"event-{seq}",
        "seq": seq,
        "type": SightingType.RECOGNIZED if name else SightingType.UNKNOWN,
        "camera": "hall",
        "track_id": f"track-{seq}",
        "person_id": f"id-of-{name}" if name else None,
        "name": name,
        "first_seen_at": time.time() - age - 0.5,
        "captured_at": time.time() - age,
        "stamp": time.monotonic() - age,
        "box": Box(64, 96, 128, 192),
        "frame_size": (640, 480),
        "assurance": Assurance.LOW,
        "decision": Decision(
            score=0.61, runner_up=0.22, margin=0.39, threshold=0.5, votes=2, looks=2, quality=0.8, reason="agreed"
        ),
    }
    return Sighting(**(values | changes))
