"""Following faces through one camera's frames, and choosing which of them are worth an identification.

Faces are joined to tracks greedily by the distance of the centers (in face sizes, after a short linear prediction) and
the ratio of the sizes: at 5 to 10 looks a second this is what intersection-over-union cannot do, because a walking face
often moves further than its own width between two looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from annotated_types import Interval

from uSense.core.bounds import Looks, Pause
from uSense.core.models import Box, Face, PersonRef


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingRules:
    """How faces are followed and how often a track is identified."""

    reach: Annotated[float, Interval(gt=0, le=10)] = 1.5
    """How far a face may move between two looks and stay the same track, in face sizes."""
    lost_after: Pause = 2.0
    """Seconds after which a face that is not found any more ends its track."""
    lost_looks: Looks = 3
    """Looks without the face that are needed, too, before its track ends."""
    recheck: Annotated[float, Interval(gt=0, le=60)] = 5.0
    """Seconds after which a decided track is identified again; doubles each time up to a minute."""
    better: Annotated[float, Interval(ge=1, le=10)] = 1.3
    """A decided track is identified again at once when its face is this many times larger than at the last time."""
    max_tracks: Annotated[int, Interval(ge=1, le=256)] = 32
    """Tracks followed at once on one camera; further faces wait until one ends."""


class Status(StrEnum):
    """What is known of a track."""

    UNDECIDED = "undecided"
    KNOWN = "known"
    UNKNOWN = "unknown"


LONGEST_RECHECK = 60.0
EAGER_LOOKS = 20
CONTESTED_LOOKS = 6
INTERRUPTED = 0.5
"""A face that comes back after so many seconds out of sight may be somebody else's."""
CHOOSY = 0.15
"""Seconds between two views of a face that are offered while it waits."""
HASTY_ASKS = 3
"""Identifications of an undecided track, after which a choosy tracker asks more and more seldom."""
RECONFIRM = 20.0
"""Seconds between two identifications of a face that was out of sight, where each costs."""
LONGEST_CHOOSY = 600.0
"""Seconds between two identifications of a face that stays in sight, where each costs."""
ATTENDED = 2.0
"""Seconds between two identifications of a decided track while somebody relies on it, and for which that counts."""
STALE = 1.0
"""A face that has waited for its identification this long makes place for a newer view."""
PREDICT_AT_MOST = 0.5
LARGEST_RATIO = 2.0


@dataclass(slots=True, eq=False)
class Track:
    """One face followed through one camera's frames."""

    track_id: str
    box: Box
    first_seen_at: float
    seen: float
    status: Status = Status.UNDECIDED
    person: PersonRef | None = None
    event_id: str | None = None
    contested: int = 0
    interrupted: bool = False
    missed: int = 0
    velocity: tuple[float, float] = (0.0, 0.0)
    asked: float | None = None
    asked_size: float = 0.0
    asks: int = 0
    waiting: bool = False
    waits_since: float = 0.0
    rechecks: int = 0
    confirmed: float = -math.inf
    """When the picture was taken that last spoke for the decision (monotonic)."""

    def settle(self, status: Status, person: PersonRef | None, event_id: str | None) -> None:
        """Take over a decision; the next identifications become rarer."""
        known = self.person.person_id if self.person else None
        if status is self.status and known == (person.person_id if person else None):
            self.rechecks += 1
        else:
            self.rechecks, self.contested, self.interrupted = 0, 0, False
        self.status, self.person, self.event_id = status, person, event_id

    def heard(self, person_id: str | None) -> None:
        """Count looks in a row that speak against the decision; a few of them are followed up at once."""
        if person_id == (self.person.person_id if self.person else None):
            self.contested, self.interrupted = 0, False
        elif self.status is not Status.UNDECIDED:
            self.contested += 1

    def interrupt(self) -> None:
        """The face was out of sight: it has to be looked at again before the decision is believed any longer."""
        if self.status is not Status.UNDECIDED:
            self.interrupted, self.contested = True, 1

    @property
    def unsettled(self) -> bool:
        """True while every further look counts."""
        return self.status is Status.UNDECIDED or 0 < self.contested <= CONTESTED_LOOKS

    def wants(
        self, face: Face, now: float, rules: TrackingRules, *, choosy: bool = False, longest: float = math.inf
    ) -> bool:
        """True if this view of the face is worth an identification; after `longest` seconds any is."""
        size = face.box.height
        if self.waiting:
            stale = self.asked is not None and now - self.asked >= STALE
            fresh = choosy and self.asked is not None and now - self.asked >= CHOOSY
            return size > self.asked_size * 1.1 or fresh or (self.unsettled and stale)
        if self.asked is None or (self.unsettled and not choosy):
            return True
        if self.interrupted and now - self.asked >= (RECONFIRM if choosy else rules.recheck):
            return True
        if self.unsettled:
            return now - self.asked >= min(2.0 ** max(0, self.asks - HASTY_ASKS) - 1, LONGEST_CHOOSY)
        longest = min(longest, LONGEST_CHOOSY if choosy else LONGEST_RECHECK)
        pause = min(rules.recheck * 2.0 ** min(self.rechecks, 30), longest)
        return now - self.asked >= pause or size > self.asked_size * rules.better


@dataclass(frozen=True, slots=True)
class Ask:
    """A face that should be identified; `waiting_person` when its track has no decision yet: it goes first."""

    track_id: str
    face: Face
    waiting_person: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look changed."""

    asks: tuple[Ask, ...]
    begun: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    interrupted: tuple[str, ...] = ()


@dataclass(slots=True)
class Tracker:
    """All tracks of one camera; `run` makes track ids unique over cameras and restarts."""

    rules: TrackingRules
    run: str
    choosy: bool = False
    """Whether further views of a face are offered while it waits for its identification, so that the best is used."""
    tracks: dict[str, Track] = field(default_factory=dict)
    refused: int = 0
    _attended: float = -math.inf
    _count: int = 0
    _scene: int | None = None

    def look(self, faces: Sequence[Face], *, scene: int, at: float, now: float) -> Looked:
        """Take over the faces of one frame (`at` wall, `now` monotonic seconds)."""
        ended = list(self.tracks) if scene != self._scene else []
        for track_id in ended:
            del self.tracks[track_id]
        self._scene = scene
        away = {track.track_id for track in self.tracks.values() if track.missed and now - track.seen > INTERRUPTED}
        missed = {track.track_id for track in self.tracks.values() if track.missed}
        joined = self._join(faces, now)
        if self._relied_on(now):
            # Whoever is hidden for a moment may be somebody else when the face is there again.
            self.ask_again(track for track, _ in joined if track.track_id in missed and not track.unsettled)
        back = [track for track, _ in joined if track.track_id in away]
        for track in back:
            track.interrupt()
        for track in self.tracks.values():
            if not any(track is other for other, _ in joined):
                track.missed += 1
        lost = [track.track_id for track in self.tracks.values() if self._lost(track, now)]
        for track_id in lost:
            del self.tracks[track_id]
        begun = self._begin([face for face in faces if not any(face is other for _, other in joined)], at, now)
        asks = [self._ask(track, face, now) for track, face in joined + begun if self._wanted(track, face, now)]
        return Looked(
            tuple(asks),
            begun=tuple(track.track_id for track, _ in begun),
            ended=(*ended, *lost),
            interrupted=tuple(track.track_id for track in back),
        )

    def in_view(self) -> list[Track]:
        """The tracks whose faces were in the latest picture."""
        return [track for track in self.tracks.values() if not track.missed]

    def attend(self, now: float) -> None:
        """Somebody relies on whom the tracks show: for a moment they are made sure of more often.

        Not where each identification costs.
        """
        self._attended = now

    def eager(self, now: float) -> bool:
        """True while further frames are wanted even without motion.

        Somebody is undecided, or just went missing, or is to be made sure of.
        """
        relied_on = self._relied_on(now)
        return any(
            (track.missed and now - track.seen <= self.rules.lost_after)
            or (track.asks < EAGER_LOOKS and track.unsettled)
            or (relied_on and track.asked is not None and now - track.asked >= ATTENDED)
            for track in self.tracks.values()
        )

    def answered(self, track_id: str) -> Track | None:
        """The identification of a track came back or was given up; None if the track has ended."""
        track = self.tracks.get(track_id)
        if track is not None:
            track.waiting = False
        return track

    def ask_again(self, tracks: Iterable[Track] | None = None) -> None:
        """Identify tracks anew, all of them if the gallery changed."""
        for track in self.tracks.values() if tracks is None else tracks:
            track.asked, track.asks, track.rechecks = None, 0, 0

    def _join(self, faces: Sequence[Face], now: float) -> list[tuple[Track, Face]]:
        pairs = sorted(
            (
                (distance, index, track)
                for track in self.tracks.values()
                for index, face in enumerate(faces)
                if (distance := _distance(track, face, now)) <= self.rules.reach
            ),
            key=lambda pair: pair[0],
        )
        joined: dict[int, tuple[Track, Face]] = {}
        taken: set[str] = set()
        for _, index, track in pairs:
            if index in joined or track.track_id in taken:
                continue
            taken.add(track.track_id)
            _move(track, faces[index].box, now)
            joined[index] = (track, faces[index])
        return list(joined.values())

    def _begin(self, faces: Sequence[Face], at: float, now: float) -> list[tuple[Track, Face]]:
        begun: list[tuple[Track, Face]] = []
        for face in faces:
            if len(self.tracks) >= self.rules.max_tracks:
                self.refused += 1
                continue
            self._count += 1
            track = Track(f"{self.run}-{self._count}", face.box, at, now)
            self.tracks[track.track_id] = track
            begun.append((track, face))
        return begun

    def _wanted(self, track: Track, face: Face, now: float) -> bool:
        longest = ATTENDED if self._relied_on(now) else math.inf
        return track.wants(face, now, self.rules, choosy=self.choosy, longest=longest)

    def _relied_on(self, now: float) -> bool:
        return not self.choosy and now - self._attended <= ATTENDED

    def _ask(self, track: Track, face: Face, now: float) -> Ask:
        if not track.waiting:
            track.asks, track.waits_since = track.asks + 1, now
        track.asked, track.asked_size, track.waiting = now, face.box.height, True
        return Ask(track.track_id, face, track.status is Status.UNDECIDED)

    def _lost(self, track: Track, now: float) -> bool:
        return track.missed >= self.rules.lost_looks and now - track.seen > self.rules.lost_after


def _distance(track: Track, face: Face, now: float) -> float:
    """Distance of the face from where the track should be, in face sizes; infinite if the sizes do not fit."""
    small, large = sorted((max(track.box.height, 1.0), max(face.box.height, 1.0)))
    if large / small > LARGEST_RATIO:
        return math.inf
    elapsed = min(now - track.seen, PREDICT_AT_MOST)
    x, y = track.box.center
    face_x, face_y = face.box.center
    ahead = math.hypot(face_x - x - track.velocity[0] * elapsed, face_y - y - track.velocity[1] * elapsed)
    return min(ahead, math.hypot(face_x - x, face_y - y)) / ((small + large) / 2)


def _move(track: Track, box: Box, now: float) -> None:
    elapsed = now - track.seen
    if elapsed > 0:
        (x, y), (new_x, new_y) = track.box.center, box.center
        track.velocity = (
            0.5 * track.velocity[0] + 0.5 * (new_x - x) / elapsed,
            0.5 * track.velocity[1] + 0.5 * (new_y - y) / elapsed,
        )
    track.box, track.seen, track.missed = box, now, 0
