"""Who is there: arrived, present, left, per person, camera and house. Feed it what cameras see, and let time pass.

A person is in a camera as long as a track of theirs was seen less than `leave_after` ago. A camera that sees nothing,
or whose faces cannot be named, freezes that: what it knew becomes a claim, which counts as `unknown` and gets the whole
time-out again when the camera sees. A restart is the same: all cameras are blind, and claim whom they had before.

Timers are monotonic seconds; wall-clock seconds are only written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from uSense.core.bounds import Absence, Minutes
from uSense.core.topics import check_prefix

GAP = 5.0
"""Seconds out of sight after which somebody who has not arrived begins anew, and after which strangers are fewer."""
FORGOTTEN = 3600.0
"""Seconds after which a blind camera has no say about somebody whom another one sees, and a restart is a new day."""
FULL = 0.25
"""Meters from a camera of usual view (45 degrees from top to bottom) at which a face fills the picture's height."""
_ENDED = ""
"""Stands for all tracks that are no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceRules:
    """When somebody is there, and when they are not any more."""

    arrive_after: Minutes = 0.0
    """Seconds that somebody must be in sight before they count as arrived."""
    leave_after: Absence = 60.0
    """Seconds out of a camera's sight after which somebody is not there any more."""
    room_topic: str = ""
    """Topic below which each camera is a room for Home Assistant's `mqtt_room`: `room_presence`; empty for none."""

    def __post_init__(self) -> None:
        if self.room_topic:
            check_prefix(self.room_topic)


class Eye(StrEnum):
    """What a camera can tell."""

    CLEAR = "clear"
    """It sees people and knows them."""
    DIM = "dim"
    """It sees people, but nobody can say who they are."""
    BLIND = "blind"
    """It is lost, paused, or not open yet."""


class Place(StrEnum):
    """What is known of a person."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why somebody is not there any more."""

    NOT_SEEN = "not_seen"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A decided track; `person_id` is None for somebody unknown."""

    track_id: str
    person_id: str | None
    seen: float
    """When a picture showed the face last (monotonic seconds); who does not move is not looked at, but stays."""
    missed: bool = False
    """Whether the newest picture did not show it."""
    doubtful: bool = False
    """Whether it was out of sight, and has not been recognized again since."""
    height: float = 0.0
    """Height of the face as a part of the picture's."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody came, and was seen by this camera; `since` is wall-clock seconds."""

    person_id: str
    camera: str
    since: float


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody is not there any more; was there `since`, and last seen by this camera (None: not in this run)."""

    person_id: str
    camera: str | None
    since: float
    last_at: float | None
    reason: Reason


Change: TypeAlias = Arrived | Left


def distance(height: float) -> float:
    """Meters to a face that takes this part of the picture's height: a guess, fit to say which camera is nearer."""
    return round(min(FULL / max(height, 0.005), 50.0), 1)


@dataclass(frozen=True, slots=True)
class Stayed:
    """Somebody who is there, for the next run: which cameras had them, and since when (wall-clock seconds)."""

    cameras: tuple[str, ...]
    since: float


@dataclass(frozen=True, slots=True)
class PersonNow:
    """Where a person is: `cameras` that see them, `since` the wall-clock time at which the state changed."""

    place: Place
    cameras: tuple[str, ...]
    since: float


@dataclass(frozen=True, slots=True)
class CameraNow:
    """Who is in sight of a camera; `unknown` None: it cannot tell. Last of all it saw `last_id` (None: a stranger)."""

    person_ids: tuple[str, ...]
    unknown: int | None
    last_id: str | None
    last_at: float | None


@dataclass(slots=True)
class _Stay:
    """A person in one camera: seen at these times by these tracks, or only claimed."""

    first: float
    arrived: bool = False
    tracks: dict[str, float] = field(default_factory=dict)
    claim: float | None = None
    """When the time-out of the claim began, if there is one."""

    @property
    def there(self) -> bool:
        return self.arrived and bool(self.tracks)

    def fold(self, alive: set[str]) -> None:
        """Forget which of the tracks that ended it was: they cannot be corrected any more."""
        for track_id in self.tracks.keys() - alive - {_ENDED}:
            self.tracks[_ENDED] = max(self.tracks.pop(track_id), self.tracks.get(_ENDED, 0.0))

    def expire(self, now: float, rules: PresenceRules, *, clear: bool) -> bool:
        """Forget what is too old; False if nothing is left. Claims only grow old while the camera can tell."""
        longest = rules.leave_after if self.arrived else min(GAP, rules.leave_after)
        self.tracks = {track: seen for track, seen in self.tracks.items() if now - seen < longest}
        if clear and self.claim is not None and now - self.claim >= rules.leave_after:
            self.claim = None
        return bool(self.tracks) or self.claim is not None


@dataclass(slots=True)
class _Strangers:
    """How many unknown people there are: more at once, fewer only when that lasted."""

    shown: int = 0
    _fewer: int = 0
    _since: float | None = None
    _tracks: frozenset[str] = frozenset()

    def count(self, tracks: frozenset[str], named: AbstractSet[str], now: float) -> None:
        """Those in sight; who has got a name since the last time is no stranger any more, at once."""
        number = len(tracks)
        self.shown = max(number, self.shown - len(self._tracks & named))
        self._tracks = tracks
        if number >= self.shown:
            self.shown, self._since = number, None
        elif self._since is None:
            self._fewer, self._since = number, now
        else:
            self._fewer = max(self._fewer, number)
            if now - self._since >= GAP:
                self.shown, self._since = self._fewer, None


@dataclass(slots=True)
class _Camera:
    """What one camera knows."""

    eye: Eye = Eye.BLIND
    turned: float = 0.0
    """When its eye changed."""
    blind_since: float = 0.0
    stays: dict[str, _Stay] = field(default_factory=dict)
    strangers: _Strangers = field(default_factory=_Strangers)
    last_id: str | None = None
    last_at: float | None = None

    def turn(self, eye: Eye, now: float) -> None:
        """It can tell more or less than before."""
        if eye is self.eye:
            return
        if eye is Eye.BLIND:
            self.blind_since, self.strangers = now, _Strangers()
            for stay in self.stays.values():
                stay.tracks.clear()
        for stay in self.stays.values():
            stay.claim = now if stay.arrived else None
        self.eye, self.turned = eye, now


@dataclass(slots=True)
class _Visit:
    """Somebody whose arrival was told: since when, and where and when they were last seen in this run."""

    since: float
    camera: str | None = None
    seen: float | None = None


class Presence:
    """Everybody in the house. `look` and `people` feed it, `tick` says what changed, the rest what is known now."""

    def __init__(self, rules: PresenceRules, cameras: Sequence[str], now: float) -> None:
        self.rules = rules
        self.names: Mapping[str, str] = {}
        """All enrolled people, by id; others are ignored."""
        self._cameras = {name: _Camera(turned=now, blind_since=now) for name in cameras}
        self._visits: dict[str, _Visit] = {}
        self._places: dict[str, tuple[Place, float]] = {}
        self._withdrawn: set[str] = set()
        self._settled = False

    def people(self, names: Mapping[str, str]) -> None:
        """Take over who is enrolled and how they are called; of those who are no more nothing is kept or told."""
        self.names = dict(names)
        for person_id in self._visits.keys() - names.keys():
            del self._visits[person_id]
        for person_id in self._places.keys() - names.keys():
            del self._places[person_id]
        for camera in self._cameras.values():
            for person_id in camera.stays.keys() - names.keys():
                del camera.stays[person_id]
            if camera.last_id is not None and camera.last_id not in names:
                camera.last_id = None

    def restore(self, stayed: Mapping[str, Stayed], now: float, *, long_ago: bool) -> list[Change]:
        """Begin with those who were there in an earlier run; after a `long_ago` they have left in between."""
        known = {one: stay for one, stay in stayed.items() if one in self.names}
        if long_ago:
            return [Left(one, None, stay.since, None, Reason.NOT_SEEN) for one, stay in known.items()]
        for person_id, stay in known.items():
            # Of cameras that were renamed nothing is known: any other may see them.
            for name in [name for name in stay.cameras if name in self._cameras] or self._cameras:
                self._cameras[name].stays[person_id] = _Stay(now, arrived=True, claim=now)
                self._visits[person_id] = _Visit(stay.since)
        return []

    def look(self, camera: str, eye: Eye, glances: Sequence[Glance], now: float, wall: float) -> None:
        """Take over what a camera can tell and which decided tracks it has."""
        one = self._cameras[camera]
        one.turn(eye, now)
        if eye is Eye.BLIND:
            return
        # What it saw before it was blind is no sight of now.
        glances = [glance for glance in glances if glance.seen > one.blind_since]
        self._correct(one, glances)
        here: list[str | None] = []
        for glance in glances:
            if glance.person_id in self.names and glance.person_id is not None and not glance.doubtful:
                self._see(camera, glance.person_id, glance, now)
            if glance.person_id is None or (glance.person_id in self.names and not glance.doubtful):
                here += [] if glance.missed else [glance.person_id]
        strangers = frozenset(glance.track_id for glance in glances if self._is_stranger(glance, now))
        one.strangers.count(strangers, {glance.track_id for glance in glances if glance.person_id in self.names}, now)
        if here:
            one.last_id = one.last_id if one.last_at is not None and one.last_id in here else here[0]
            one.last_at = wall

    def decided(self, camera: str, person_id: str | None, wall: float) -> None:
        """Somebody was just told: the last one that this camera saw."""
        self._cameras[camera].last_id = person_id if person_id in self.names else None
        self._cameras[camera].last_at = wall

    def tick(self, now: float, wall: float) -> list[Change]:
        """Let time pass; who came and who left."""
        for camera in self._cameras.values():
            clear = camera.eye is Eye.CLEAR
            self._settled = self._settled or (clear and now - camera.turned >= self.rules.leave_after)
            gone = [one for one, stay in camera.stays.items() if not stay.expire(now, self.rules, clear=clear)]
            for person_id in gone:
                del camera.stays[person_id]
        changes = [change for one in self.names if (change := self._change(one, now, wall)) is not None]
        self._withdrawn.clear()
        for person_id in self.names:
            self._settle(person_id, wall)
        return changes

    def person(self, person_id: str) -> PersonNow:
        """Where an enrolled person is."""
        place, since = self._places[person_id]
        return PersonNow(place, tuple(name for name in self._cameras if self._there(name, person_id)), since)

    def camera(self, name: str) -> CameraNow:
        """Who is in sight of a camera."""
        camera = self._cameras[name]
        there = tuple(one for one in self.names if self._there(name, one))
        unknown = None if camera.eye is Eye.BLIND else camera.strangers.shown
        return CameraNow(there, unknown, camera.last_id, camera.last_at)

    def unknown(self) -> int | None:
        """How many unknown people are in sight; None if no camera can tell."""
        seeing = [camera for camera in self._cameras.values() if camera.eye is not Eye.BLIND]
        return sum(camera.strangers.shown for camera in seeing) if seeing else None

    def stayed(self) -> dict[str, Stayed]:
        """Who is there, or may still be, for the next run."""
        return {
            one: Stayed(tuple(name for name, camera in self._cameras.items() if one in camera.stays), visit.since)
            for one, visit in self._visits.items()
        }

    def _correct(self, camera: _Camera, glances: Sequence[Glance]) -> None:
        """Withdraw what rests on tracks that turned out to be somebody else."""
        now_showing = {glance.track_id: glance.person_id for glance in glances}
        for person_id, stay in list(camera.stays.items()):
            wrong = {one for one in stay.tracks if now_showing.get(one, person_id) != person_id}
            for track_id in wrong:
                del stay.tracks[track_id]
            stay.fold(set(now_showing))
            if wrong and not stay.tracks and stay.claim is None:
                del camera.stays[person_id]
                self._withdrawn.add(person_id)

    def _is_stranger(self, glance: Glance, now: float) -> bool:
        """Whether somebody unknown is there; a face that is missed ends its track only with pictures to come."""
        return glance.person_id is None and not (glance.missed and now - glance.seen >= self.rules.leave_after)

    def _see(self, name: str, person_id: str, glance: Glance, now: float) -> None:
        camera = self._cameras[name]
        stay = camera.stays.setdefault(person_id, _Stay(now))
        stay.tracks[glance.track_id] = glance.seen if glance.missed else now
        inside = person_id in self._visits
        stay.arrived = stay.arrived or inside or now - stay.first >= self.rules.arrive_after
        if inside:
            self._visits[person_id].camera, self._visits[person_id].seen = name, stay.tracks[glance.track_id]
        for other in self._cameras.values():
            if other.eye is Eye.BLIND and now - other.blind_since > FORGOTTEN:
                other.stays.pop(person_id, None)

    def _change(self, person_id: str, now: float, wall: float) -> Change | None:
        visit = self._visits.get(person_id)
        if visit is None:
            for name, camera in self._cameras.items():
                if self._there(name, person_id):
                    seen = max(camera.stays[person_id].tracks.values())
                    self._visits[person_id] = _Visit(wall, name, seen)
                    return Arrived(person_id, name, wall)
            return None
        if any(person_id in camera.stays for camera in self._cameras.values()):
            return None
        del self._visits[person_id]
        last_at = None if visit.seen is None else wall - (now - visit.seen)
        reason = Reason.CORRECTED if person_id in self._withdrawn else Reason.NOT_SEEN
        return Left(person_id, visit.camera, visit.since, last_at, reason)

    def _settle(self, person_id: str, wall: float) -> None:
        """Note the state of a person, and since when it is so."""
        place = self._place(person_id)
        if person_id not in self._places or self._places[person_id][0] is not place:
            since = self._visits[person_id].since if place is Place.PRESENT else wall
            self._places[person_id] = place, since

    def _place(self, person_id: str) -> Place:
        if any(self._there(name, person_id) for name in self._cameras):
            return Place.PRESENT
        seeing = any(camera.eye is not Eye.BLIND for camera in self._cameras.values())
        known = person_id not in self._visits and self._settled and seeing
        return Place.ABSENT if known else Place.UNKNOWN

    def _there(self, name: str, person_id: str) -> bool:
        stay = self._cameras[name].stays.get(person_id)
        return stay is not None and stay.there
