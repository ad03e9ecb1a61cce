"""Tells who is there: looks at the scenes, keeps account of arrivals and departures, and posts what changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog
from pydantic import Field, ValidationError

from uSense.core.errors import StorageError
from uSense.core.events import Event, Located, Notice, Sighting, State
from uSense.core.presence import (
    FORGOTTEN,
    Arrived,
    Change,
    Eye,
    Glance,
    Left,
    Place,
    Presence,
    PresenceRules,
    Stayed,
    distance,
)
from uSense.core.scene import Scene
from uSense.ports import Notebook, Outbox
from uSense.schema import Branch
from uSense.times import rfc3339

log = structlog.get_logger()

FILE = "presence.json"
"""Where it is kept who is there, in the data folder: ids and times, no names."""
LOOK = 1.0
"""Seconds between two looks at the scenes."""
KEEP = 600.0
"""Seconds between two notes that somebody is still there: so long ago the service may have been alive at least."""
AGAIN = 60.0
"""Seconds after which what could not be kept is tried again."""
ROOM = 5.0
"""Seconds between two messages that a person is in a room."""
_LATEST = 253_402_300_799.0


class KeptStay(Branch):
    """Somebody who was there."""

    cameras: tuple[str, ...]
    """Those that had them."""
    since: float = Field(ge=0, le=_LATEST)
    """Wall-clock seconds."""


class Kept(Branch):
    """What is known after a restart."""

    at: float = Field(ge=0, le=_LATEST)
    """When it was written, in wall-clock seconds."""
    people: dict[str, KeptStay]
    """By person id."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds that never jump, and seconds since 1970."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Attending:
    """Presence of the running service. `hear` what is posted, `begin` before anything is sent, then `run`."""

    def __init__(
        self,
        rules: PresenceRules,
        scenes: Mapping[str, Scene],
        eye: Callable[[str], Eye],
        outbox: Outbox,
        notebook: Notebook,
        clocks: Clocks = Clocks(),
    ) -> None:
        self.problems: dict[str, str] = {}
        """What is wrong, by part, in plain words."""
        self.ignored: Callable[[str], bool] = lambda _: False
        """Whether a track is of a visitor who is not to be told."""
        self._scenes = scenes
        self._eye = eye
        self._outbox = outbox
        self._notebook = notebook
        self._clocks = clocks
        self._presence = Presence(rules, tuple(scenes), clocks.monotonic())
        self._begun = False
        self._told: dict[str, Any] = {}
        """The newest value of every topic, without what changes by itself."""
        self._last: dict[str, str] = {}
        """Whom every camera was told to have seen last."""
        self._seq = 0
        self._located: dict[tuple[str, str], float] = {}
        self._kept: dict[str, set[str]] = {}
        """Who is in the file, and which cameras had them."""
        self._changed = asyncio.Event()

    def leave_by(self, *, leave_after: float) -> None:
        """From now on somebody is gone after so many seconds out of sight."""
        self._presence.rules = replace(self._presence.rules, leave_after=leave_after)

    def hear(self, event: Event) -> None:
        """Take what is posted: somebody was recognized, a camera is lost or back, people were added or erased."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        match event:
            case Sighting():
                age = max(0.0, now - event.stamp)
                self._presence.decided(event.camera, event.person_id, wall - age)
                self._told.pop(_camera_topic(event.camera), None)
            case State(topic="people"):
                self._presence.people({one["person_id"]: one["name"] for one in event.value})
            case State() if event.topic.endswith("/status"):
                pass
            case _:
                return
        if self._begun:
            self.look()

    async def begin(self) -> None:
        """Read who was there in an earlier run, and tell how things stand."""
        kept = await self._remembered()
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        stayed = {one: Stayed(stay.cameras, stay.since) for one, stay in kept.people.items()}
        self._kept = _cameras(stayed)
        for change in self._presence.restore(stayed, now, long_ago=wall - kept.at > FORGOTTEN):
            self._tell_change(change)
        self._begun = True
        self.look()

    async def run(self) -> None:
        """Look once a second, and keep who is there, until canceled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_looking(), name="presence looks")
            group.create_task(self._keep_account(), name="presence file")

    def look(self) -> None:
        """Look at all scenes and post what changed."""
        now, wall = self._clocks.monotonic(), self._clocks.wall()
        for camera, scene in self._scenes.items():
            eye = self._eye(camera)
            glances = [one for one in scene.glances() if not self.ignored(one.track_id)]
            self._presence.look(camera, eye, glances, now, wall)
            if self._presence.rules.room_topic and eye is not Eye.BLIND:
                self._locate(camera, glances, now)
        for change in self._presence.tick(now, wall):
            self._tell_change(change)
        self._tell_states()
        there = _cameras(self._presence.stayed())
        # A camera too many in the file does no harm: somebody who walks to and fro is written once.
        if there.keys() != self._kept.keys() or any(there[one] - self._kept[one] for one in there):
            self._changed.set()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.look()

    async def _keep_account(self) -> None:
        """Write down who is there: at once when that changes, else now and then, so that it is known how old it is."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(KEEP):
                    await self._changed.wait()
            self._changed.clear()
            stayed = self._presence.stayed()
            if not stayed and not self._kept:
                continue
            people = {one: KeptStay(cameras=stay.cameras, since=stay.since) for one, stay in stayed.items()}
            try:
                await self._notebook.save(Kept(at=self._clocks.wall(), people=people).model_dump(mode="json"))
            except StorageError as error:
                self._trouble(f"{error}; after a restart it would not be known who was there")
                await asyncio.sleep(AGAIN)
            else:
                self._kept = _cameras(stayed)
                self.problems.pop("presence", None)

    async def _remembered(self) -> Kept:
        """What an earlier run kept; nobody, and a problem until the next note, if it cannot be read."""
        try:
            values = await self._notebook.load()
            return Kept.model_validate(values) if values else Kept(at=0, people={})
        except (StorageError, ValidationError) as error:
            plain = str(error) if isinstance(error, StorageError) else f"{FILE} is not what uSense wrote"
            self._trouble(f"{plain}: whoever is seen first counts as arriving")
            return Kept(at=0, people={})

    def _trouble(self, problem: str) -> None:
        if "presence" not in self.problems:
            log.warning("presence", problem=problem)
        self.problems["presence"] = problem

    def _tell_change(self, change: Change) -> None:
        name = self._presence.names[change.person_id]
        data = {"person_id": change.person_id, "name": name, "camera": change.camera, "since": rfc3339(change.since)}
        match change:
            case Arrived():
                self._outbox.post(Notice("person.arrived", data))
            case Left():
                last_at = None if change.last_at is None else rfc3339(change.last_at)
                self._outbox.post(Notice("person.left", {**data, "last_at": last_at, "reason": change.reason.value}))

    def _tell_states(self) -> None:
        """Post whatever is not as it was told."""
        names = self._presence.names
        now = {one: self._presence.person(one) for one in names}
        for person_id, person in now.items():
            if self._is_news(_person_topic(person_id), (person, names[person_id])):
                self._seq += 1
                value = {
                    "state": person.place.value,
                    "person_id": person_id,
                    "name": names[person_id],
                    "cameras": list(person.cameras),
                    "since": rfc3339(person.since),
                    "seq": self._seq,
                }
                self._outbox.post(State(_person_topic(person_id), value))
        for topic in self._told.keys() - {_person_topic(one) for one in names}:
            if topic.startswith(_person_topic("")):
                del self._told[topic]
                self._outbox.post(State(topic, None))
        present = [one for one in names if now[one].place is Place.PRESENT]
        house = {
            "names": self._names(present),
            "person_ids": present,
            "unknown": self._presence.unknown(),
            "uncertain": self._names([one for one in names if now[one].place is Place.UNKNOWN]),
        }
        if self._is_news("house", house):
            self._outbox.post(State("house", house))
        for camera in self._scenes:
            self._tell_camera(camera)

    def _tell_camera(self, name: str) -> None:
        camera = self._presence.camera(name)
        people = {
            "count": None if camera.unknown is None else len(camera.person_ids) + camera.unknown,
            "names": self._names(camera.person_ids),
            "unknown": camera.unknown,
        }
        names = self._presence.names
        # Who was seen last changes with every look: what was told of it lasts while the rest does.
        if self._is_news(_camera_topic(name), (people, names.get(self._last.get(name, "")))):
            self._last[name] = camera.last_id or ""
            last_name = names.get(self._last[name])
            self._told[_camera_topic(name)] = people, last_name
            last_at = None if camera.last_at is None else rfc3339(camera.last_at)
            self._outbox.post(State(_camera_topic(name), {**people, "last_at": last_at, "last_name": last_name}))

    def _names(self, person_ids: Sequence[str]) -> list[str]:
        return [self._presence.names[one] for one in person_ids]

    def _is_news(self, topic: str, value: Any) -> bool:
        if self._told.get(topic) == value:
            return False
        self._told[topic] = value
        return True

    def _locate(self, camera: str, glances: Sequence[Glance], now: float) -> None:
        """Say how far from the camera those are who are in sight."""
        self._located = {key: at for key, at in self._located.items() if now - at < ROOM}
        there = self._presence.camera(camera).person_ids
        for glance in glances:
            person_id = glance.person_id
            sure = not glance.missed and not glance.doubtful
            if sure and person_id in there and (camera, person_id) not in self._located:
                self._located[camera, person_id] = now
                topic = f"{self._presence.rules.room_topic}/{camera}"
                meters = distance(glance.height)
                self._outbox.post(Located(topic, person_id, self._presence.names[person_id], meters))


def _cameras(stayed: Mapping[str, Stayed]) -> dict[str, set[str]]:
    return {one: set(stay.cameras) for one, stay in stayed.items()}


def _person_topic(person_id: str) -> str:
    return f"presence/{person_id}"


def _camera_topic(camera: str) -> str:
    return f"camera/{camera}/people"
