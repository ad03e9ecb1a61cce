"""Home Assistant's discovery of this instance: announced, kept up to date, tidied up."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from uSense.core.events import Event, State
from uSense.entities.discovery import Kind, Payload, Place, Site, announced
from uSense.mqtt.link import Request
from uSense.mqtt.session import Mqtt
from uSense.mqtt.settings import DiscoverySettings

log = structlog.get_logger()

LEFTOVERS = 10_000
"""Announcements that are removed at most; whoever makes more of them in our name is not an earlier run."""
INSISTENCE = 3
"""Times that the same announcement is removed; whoever makes it once more is alive."""


def _delay() -> float:
    return random.uniform(1.0, 5.0)  # noqa: S311 - nobody gains by guessing it


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long to wait, in seconds."""

    kept: float = 0.5
    """After connecting: in it the broker sends what it kept."""
    gone: float = 2.0
    """After leftovers were removed: until Home Assistant forgot an entity it refuses another one with the same id."""
    born: Callable[[], float] = _delay
    """After Home Assistant's birth, of which all services hear in the same moment."""


class Discovery:
    """Tells Home Assistant of the service, its cameras and people; `hear` learns of people, `run` does the rest.

    Whatever else is below the instance's own node id is a leftover of an earlier run, and removed.
    """

    def __init__(
        self,
        settings: DiscoverySettings,
        site: Site,
        cameras: Iterable[str],
        mqtt: Mqtt,
        *,
        waits: Waits = Waits(),
    ) -> None:
        self.announcing = asyncio.Event()
        """Set once everything is told, or on its way."""
        self._settings = settings
        self._site = site
        self._mqtt = mqtt
        self._waits = waits
        self._own = [Place(Kind.SERVICE), *(Place(Kind.CAMERA, name, name) for name in cameras)]
        self._people: list[Place] | None = None
        self._ours: dict[str, Payload] = {}
        self._early: set[str] = set()
        """What would have been told until now; the last run may have told it."""
        self._stubs: dict[str, dict[str, Payload]] = {}
        """What removes the entities that a device had in an earlier run, by topic."""
        self._dropped: set[str] = set()
        self._removed: Counter[str] = Counter()
        self._rival = False
        self._again = asyncio.Event()
        self._denied: str | None = None
        """The topic of which it was said that the broker does not take it."""
        mqtt.elsewhere = self._refused
        mqtt.listen(f"{settings.prefix}/+/{site.node}/+/config", self._kept)
        if settings.birth_topic and settings.format != "off":
            mqtt.listen(settings.birth_topic, self._born)

    def hear(self, event: Event) -> None:
        """Learn of people whenever their list is told."""
        if not isinstance(event, State) or event.topic != "people":
            return
        people = [Place(Kind.PERSON, person["person_id"], person["name"]) for person in event.value]
        if people != self._people:
            self._people = people
            former, self._ours = self._ours, self._described()
            if self.announcing.is_set():
                self._announce(former)
            else:
                self._early |= former.keys()

    async def run(self) -> None:
        """Announce once the leftovers are gone, and again when Home Assistant may need it, until canceled."""
        await self._mqtt.connected.wait()
        await asyncio.sleep(self._waits.kept)
        if self._removed:
            await asyncio.sleep(self._waits.gone)
        self._announce({topic: {} for topic in self._early})
        self.announcing.set()
        while True:
            await self._again.wait()
            await asyncio.sleep(self._waits.born())
            self._again.clear()
            self._mqtt.renew()

    def _described(self) -> dict[str, Payload]:
        if self._settings.format == "off":
            return {}
        told = announced(self._settings.format, [*self._own, *(self._people or ())], self._site)
        return {f"{self._settings.prefix}/{topic}": payload for topic, payload in told.items()}

    def _announce(self, former: Mapping[str, Payload]) -> None:
        """Tell what is not as it was."""
        self._dropped = (self._dropped | former.keys()) - self._ours.keys()
        for topic in former.keys() - self._ours.keys():
            self._mqtt.post(State(topic, None, rooted=True))
        for topic, payload in self._ours.items():
            if payload != former.get(topic):
                stubs = self._stubs.get(topic)
                value = {**payload, "components": {**payload["components"], **stubs}} if stubs else payload
                self._mqtt.post(State(topic, value, rooted=True))

    def _kept(self, request: Request) -> None:
        """Judge what is below our node id, as soon as it is known who belongs there."""
        if not request.payload or self._people is None or len(self._removed) >= LEFTOVERS:
            return
        if request.topic in self._ours:
            if not self.announcing.is_set():
                self._stubs[request.topic] = _left(request.payload, self._ours[request.topic])
            return
        if self._removed[request.topic] >= INSISTENCE:
            self._meet_rival()
            return
        self._mqtt.post(State(request.topic, None, rooted=True))
        if request.topic in self._dropped:
            return  # our own word of before, unless the broker lost that it was taken back
        log.info("removed what an earlier run told Home Assistant", topic=request.topic)
        self._removed[request.topic] += 1
        if self.announcing.is_set():
            # What was refused because of it has to be told once more.
            self._again.set()

    def _meet_rival(self) -> None:
        """Say once that two of one name would take each other's entities from Home Assistant for ever."""
        if not self._rival:
            self._rival = True
            problem = f"another uSense tells Home Assistant as {self._site.node}: give each an instance name of its own"
            log.warning("discovery", problem=problem)

    def _born(self, request: Request) -> None:
        if request.payload == b"online" and self.announcing.is_set():
            log.debug("Home Assistant has started")
            self._again.set()

    def _refused(self, topic: str, refusal: str | None) -> None:
        """Say once that Home Assistant will not find us: uSense itself is well without it."""
        if refusal is None:
            self._denied = None if topic == self._denied else self._denied
        elif self._denied is None:
            self._denied = topic
            problem = f"Home Assistant cannot be told about uSense: {refusal}, or set discovery.format to off"
            log.warning("discovery", problem=problem)


def _left(kept: bytes, ours: Payload) -> dict[str, Payload]:
    """Stubs of the entities of a device that are ours no more; none for what is no announcement of a device."""
    try:
        told: Any = json.loads(kept)
    except (ValueError, RecursionError):
        return {}
    components = told.get("components") if isinstance(told, dict) else None
    if not isinstance(components, dict) or "components" not in ours:
        return {}
    return {
        name: {"platform": component["platform"]}
        for name, component in components.items()
        if name not in ours["components"]
        and isinstance(component, dict)
        and len(component) > 1
        and isinstance(component.get("platform"), str)
    }
