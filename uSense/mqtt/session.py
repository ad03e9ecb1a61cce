"""The service's side of MQTT: keeps a connection, sends what waits, takes what is asked."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

import structlog
from paho.mqtt.client import topic_matches_sub

from uSense.commands.base import Command
from uSense.core.errors import BrokerError, BrokerRefusedError
from uSense.core.events import Event, Located, Notice, Portrait, Sighting, State
from uSense.core.outbox import BOUNDS, Item, Kind, Outbox
from uSense.core.pacing import backoff
from uSense.entities import Context, Message
from uSense.entities.notice import notice, stamped
from uSense.entities.room import room
from uSense.entities.state import state
from uSense.mqtt import trouble
from uSense.mqtt.dispatch import Dispatcher, too_large
from uSense.mqtt.lasting import Lasting
from uSense.mqtt.link import Link, Request, connect, knows_v5
from uSense.mqtt.neighbors import Neighbors
from uSense.mqtt.refusals import Refusals
from uSense.mqtt.settings import MqttSettings
from uSense.mqtt.sightings import Sightings
from uSense.ports import Journal

log = structlog.get_logger()

C = TypeVar("C")
Content: TypeAlias = Sighting | Message

REPLY_LIFETIME = 60.0
"""Seconds that a reply waits for the broker."""
STEADY = 5.0
"""Seconds that a connection must last before the next failure counts as the first one."""
SLOW = 30.0
"""Seconds between two attempts at a broker that refuses this client."""
RETRY = 20.0
"""Seconds until a state that the broker refused is tried again: its access list may have been mended."""


@dataclass(frozen=True, slots=True)
class Ear:
    """Who hears what, and who is told why the broker does not allow it."""

    topic: str
    heard: Callable[[Request], None]
    refused: Callable[[str | None], None]


def _pauses() -> Iterator[float]:
    return backoff(0.2, 30.0, random.random)


class Mqtt:
    """The port `Outbox` over a broker. `run` keeps the connection, `serve` answers commands, `leave` says goodbye."""

    def __init__(
        self,
        settings: MqttSettings,
        context: Context,
        journal: Journal,
        *,
        pauses: Callable[[], Iterator[float]] = _pauses,
        slow: float = SLOW,
        retry: float = RETRY,
    ) -> None:
        self.connected = asyncio.Event()
        """Set while the broker has all states and `online`, and whatever else waits is being sent."""
        self.first: Callable[[], Awaitable[None]] | None = None
        """Called before the first connection, until it raises no BrokerError; its other errors end `run`."""
        self.idle = asyncio.Event()
        """Set while connected and nothing waits."""
        self.announce_within = math.inf
        """Seconds after the deciding picture in which a sighting may still be told live."""
        self._settings = settings
        self._context = context
        self._topics = context.topics
        self._pauses = pauses
        self._slow = slow
        self._retry = retry
        self._outbox: Outbox[Content] = Outbox()
        self._wake = asyncio.Event()
        self._lasting = Lasting(journal, self._wake, self._post_notice)
        self.dispatcher = Dispatcher(self._topics, settings.max_payload, self)
        self._counts: Counter[str] = Counter()
        self._v5 = settings.v5
        self._online_since = 0.0
        self._limit = math.inf
        self._leaving = asyncio.Event()
        self._ended = asyncio.Event()
        self._failure: str | None = None
        self._refusals = Refusals()
        self.elsewhere: Callable[[str, str | None], None] = Refusals().note
        """Told of each rooted topic why the broker does not take it, or None: no reason to be unwell."""
        self._sightings = Sightings(context, self._publish, snapshots=settings.snapshots)
        self._denied = False
        self._neighbors = Neighbors(settings, context, self.post, self._outbox.knows)
        self._ears: list[Ear] = []
        # What the broker keeps of an earlier run; where that may not be read, nothing is lost but the tidiness.
        self.listen(self._topics.info, self._neighbors.info)
        self.listen(self._topics.status, self._look_at_status)
        self.listen(self._topics.presence, self._neighbors.presence)
        commands = self._topics.commands
        self.listen(commands, self.dispatcher.offer, partial(self._refusals.note, commands))

    def __str__(self) -> str:
        return self._settings.address

    @property
    def problem(self) -> str | None:
        """What is wrong with the broker or with the journal, in plain words."""
        broker = [self._failure] if self._failure else [self._neighbors.rival, *self._refusals.reasons]
        return "; ".join(filter(None, (*broker, self._lasting.problem))) or None

    @property
    def limit(self) -> float:
        """Bytes of the largest packet that the broker takes, as far as it told."""
        return self._limit

    def counters(self) -> dict[str, int]:
        """What happened since the start."""
        return {
            "published": self._counts["published"],
            "acknowledged": self._counts["acknowledged"],
            "publishes_refused": self._counts["publishes_refused"] + self._outbox.given_up.total(),
            "events_dropped": sum(self._outbox.dropped.values()) + self._lasting.dropped,
            "events_expired": sum(self._outbox.expired.values()),
            **self._sightings.counters(),
            "commands_refused": self.dispatcher.refused,
            "messages_waiting": self._outbox.waiting(),
            "reconnects": max(0, self._counts["connects"] - 1),
        }

    def post(self, event: Event) -> None:
        match event:
            case Sighting():
                lifetime = self._context.lifetime
                expires = math.inf if lifetime is None else event.stamp + lifetime
                self._put(Item(Kind.IDENTITY, event, number=event.seq, put_at=time.monotonic(), expires=expires))
            case Notice(lasting=True):
                self.idle.clear()
                self._lasting.note(stamped(event, time.time()))
            case Notice():
                self._post_notice(stamped(event, time.time()))
            case Portrait():
                self._sightings.keep(event, connected=self.connected.is_set())
            case Located() if self.connected.is_set():
                self._put(Item(Kind.NOTICE, room(event), put_at=time.monotonic()))
            case State():
                message = state(event, self._context)
                group = "rooted" if event.rooted else ""
                self._put(Item(Kind.STATE, message, key=event.topic, final=not message.payload, group=group))

    def journal_changed(self) -> None:
        """Another process added lasting notices: send them, too."""
        self.idle.clear()
        self._lasting.renew()
        self._wake.set()

    def renew(self) -> None:
        """Send all states again, rooted ones first: somebody may have missed them."""
        self._outbox.renew()
        self._wake.set()

    def answer(self, message: Message) -> None:
        """Send the reply to a command."""
        now = time.monotonic()
        self._put(Item(Kind.REPLY, message, put_at=now, expires=now + REPLY_LIFETIME))

    def listen(
        self, topic: str, heard: Callable[[Request], None], refused: Callable[[str | None], None] = lambda _: None
    ) -> None:
        """Hand all messages of a topic (or filter) to `heard`, from the next connection on.

        `refused` is told at each connection why the broker does not allow it, or None.
        """
        self._ears.append(Ear(topic, heard, refused))

    async def serve(self, commands: Sequence[Command[C, Any]], control: C) -> None:
        """Carry out commands until canceled."""
        await self.dispatcher.serve(commands, control)

    async def run(self) -> None:
        """Keep a connection and send what waits; returns after `leave`."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lasting.keep(), name="mqtt journal")
                await self._keep_connected()
                self._lasting.close()
        finally:
            self._ended.set()

    async def leave(self, seconds: float) -> None:
        """Send what waits, say offline and disconnect, in at most `seconds`; `run` then ends by itself."""
        self._leaving.set()
        self._wake.set()
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            log.warning("not everything was sent", waiting=self._outbox.waiting())

    async def _keep_connected(self) -> None:
        pauses, told = self._pauses(), set[str]()
        while not self._leaving.is_set():
            connects = self._counts["connects"]
            failure = await self._attempt()
            if failure is None:
                return
            if connects == self._counts["connects"]:
                self._v5 = self._settings.v5
            elif time.monotonic() - self._online_since >= STEADY:
                pauses, told = self._pauses(), set()
            self._failure = str(failure)
            (log.debug if self._failure in told else log.warning)("broker", problem=self._failure)
            told.add(self._failure)
            pause = next(pauses)
            await self._pause(max(pause, self._slow) if isinstance(failure, BrokerRefusedError) else pause)

    async def _attempt(self) -> BrokerError | None:
        """Connect and stay connected; the reason if that ended against our will."""
        failure: BrokerError | None = None
        will = Message(self._topics.status, b"offline", retain=True)
        client_id = self._settings.client_id or f"usense-{self._context.instance}"
        try:
            if self.first is not None:
                await self.first()
                self.first = None
            if self._v5 is None:
                self._v5 = await knows_v5(self._settings, client_id)
            async with connect(self._settings, client_id, v5=self._v5, will=will) as link:
                await self._converse(link)
                await link.publish(will)
                await link.finish()
        except* BrokerError as group:
            # Without its traceback, which would keep this frame and all below alive.
            failure = _first(group).with_traceback(None)
        return failure

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()

    async def _converse(self, link: Link) -> None:
        """Everything between connecting and leaving; raises BrokerErrors in a group."""
        suspect = False
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(link), name="mqtt reader")
                await self._greet(link)
                await self._write(link)
                reader.cancel()
        except* trouble.CutOffError:
            suspect = True
            raise
        finally:
            self._neighbors.connection_lost()
            self._sightings.connection_lost()
            self.connected.clear()
            self.idle.clear()
            if item := self._outbox.reset(suspect=suspect):
                self._give_up(item)
            self._lasting.renew()

    async def _greet(self, link: Link) -> None:
        """Subscribe, restore all retained topics, and only then say online."""
        self._limit = link.limit
        for ear in self._ears:
            ear.refused(await link.subscribe(ear.topic))
        while item := self._outbox.next(time.monotonic(), only=Kind.STATE):
            await self._send(link, item)
        await self._publish(link, Message(self._topics.status, b"online", retain=True))
        self._online_since = time.monotonic()
        self._counts["connects"] += 1
        self._failure = None
        self.connected.set()
        log.info("connected", broker=str(self), mqtt="5" if link.v5 else "3.1.1")

    async def _read(self, link: Link) -> None:
        async for request in link.requests():
            for ear in self._ears:
                if topic_matches_sub(ear.topic, request.topic):
                    ear.heard(request)

    def _look_at_status(self, request: Request) -> None:
        """An `offline` while we are here is the last word of another uSense, or of a connection of ours that died."""
        if request.payload == b"offline" and self.connected.is_set():
            self._neighbors.rival = None
            self._denied = True
            self._wake.set()

    async def _write(self, link: Link) -> None:
        """Send what waits until it is time to leave and nothing waits."""
        while True:
            if self._denied:
                self._denied = False
                await self._publish(link, Message(self._topics.status, b"online", retain=True))
            if item := self._outbox.next(time.monotonic()):
                await self._send(link, item)
                continue
            for number, event in await self._lasting.load(BOUNDS[Kind.LASTING]):
                self._put(Item(Kind.LASTING, notice(event, self._context), number=number))
            if self._outbox.waiting():
                continue
            if self._lasting.settled:
                self.idle.set()
                if self._leaving.is_set():
                    return
            await self._news()

    async def _news(self) -> None:
        """Wait until there is something to do, or to be tried again."""
        due = self._outbox.due
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else due - time.monotonic()):
                await self._wake.wait()
        self._wake.clear()

    async def _send(self, link: Link, item: Item[Content]) -> None:
        """Send one item; what a sighting has to say at the moment follows it, so that the broker is known to listen."""
        content = item.content
        if isinstance(content, Message):
            taken = await self._publish(link, content)
            if item.kind is Kind.REPLY and not link.fits(content):
                await self._publish(link, too_large(content))
            if item.kind is Kind.LASTING:
                if taken or not link.fits(content):
                    self._lasting.delivered(item.number)
                else:
                    self._lasting.refused()
            self._outbox.done(item, again=None if taken else time.monotonic() + self._retry)
            return
        await self._sightings.tell(link, content)
        self._outbox.done(item)
        await self._sightings.tell_live(
            link, content, put_at=item.put_at, online_since=self._online_since, within=self.announce_within
        )

    async def _publish(self, link: Link, message: Message) -> bool:
        """Send a message; False if the broker does not take it."""
        refusal = await link.publish(message)
        self._counts["published"] += 1
        if refusal:
            self._counts["publishes_refused"] += 1
        elif message.qos:
            self._counts["acknowledged"] += 1
        self._note(message, refusal)
        return refusal is None

    def _give_up(self, item: Item[Content]) -> None:
        """Say that an item, which the outbox has counted, will not be sent."""
        told = item.content if isinstance(item.content, Message) else Message(self._topics.identity, b"")
        if item.kind is Kind.LASTING:
            self._lasting.delivered(item.number)
        if item.kind is Kind.REPLY and isinstance(item.content, Message):
            excuse = too_large(item.content)
            # Else it was not its size, and the excuse would fare no better.
            if len(excuse.payload) < len(item.content.payload):
                self.answer(excuse)
        self._note(told, trouble.given_up(told.topic, self._settings))

    def _note(self, message: Message, refusal: str | None) -> None:
        (self.elsewhere if message.rooted else self._refusals.note)(message.topic, refusal)

    def _post_notice(self, event: Notice) -> None:
        self._put(Item(Kind.NOTICE, notice(event, self._context), put_at=time.monotonic()))

    def _put(self, item: Item[Content]) -> None:
        self._outbox.put(item)
        self.idle.clear()
        self._wake.set()


def _first(group: BaseExceptionGroup[BrokerError]) -> BrokerError:
    """The first of the errors, however deep; a connection that breaks may be noticed by reader and writer."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
