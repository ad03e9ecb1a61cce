"""What one camera sees: its tracks, the votes on each, who is announced. Feed it looks and answers, get sightings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from uSense.core.announcing import AnnounceRules, Attendance
from uSense.core.events import Assurance, Decision, Sighting, SightingType
from uSense.core.explaining import Doubts, ExplainRules, Undecided
from uSense.core.judging import DecisionRules, Judge
from uSense.core.kiosk import Stander, Standing
from uSense.core.models import Answer, Box, Face, Frame, PersonRef, Quality, Size
from uSense.core.presence import Glance
from uSense.core.quality import Flaw
from uSense.core.rejections import Rejections, rejected
from uSense.core.tracking import Looked, Status, Track, Tracker, TrackingRules
from uSense.core.voting import Ballot, Reason, Verdict, Vote, VotingRules, judge

DOUBT = 0.10
"""How far below the threshold a named person must score before their track is called unknown after all."""
SLOW = 5.0
"""Seconds after which an answer is missed."""
JUST_NOW = 60.0
"""Seconds for which somebody who is out of sight may come back with looks that name nobody."""
PATIENCE = 12
"""Looks in a row that may speak against a name while it is still the best guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRules:
    """All rules of a camera's scene."""

    tracking: TrackingRules = field(default_factory=TrackingRules)
    voting: VotingRules = field(default_factory=VotingRules)
    announce: AnnounceRules = field(default_factory=AnnounceRules)
    decision: DecisionRules = field(default_factory=DecisionRules)
    explain: ExplainRules = field(default_factory=ExplainRules)
    choosy: bool = False
    """Whether the best of several views of a face is to be identified, not the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One view of a track's face: when it was captured, where it was and how good it is."""

    track_id: str
    captured_at: float
    stamp: float
    box: Box
    frame_size: Size
    quality: Quality


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer led to: the look's vote, the track's verdict, and a sighting if there is something to tell."""

    vote: Vote
    verdict: Verdict
    sighting: Sighting | None


CHANGED = -1
"""Stands for the version of a gallery that changed, until an answer tells it."""


@dataclass(slots=True)
class Scene:
    """One camera's scene. `run` is a short text that no other camera and no earlier run of the service has."""

    camera: str
    rules: SceneRules
    run: str
    rejections: Rejections = field(default_factory=Rejections)
    tracker: Tracker = field(init=False)
    attendance: Attendance = field(init=False)
    doubts: Doubts = field(init=False)
    _ballots: dict[str, Ballot] = field(default_factory=dict)
    _told: dict[str, Sighting] = field(default_factory=dict)
    _sure: set[str] = field(default_factory=set)
    """Tracks whose person this gallery knows."""
    _barred: dict[str, set[str]] = field(default_factory=dict)
    """Persons of whom was said that a track is not theirs."""
    _gallery: int = CHANGED
    size: tuple[float, float] = (math.inf, math.inf)
    """Width and height of the latest picture in pixels."""
    looked_at: float = -math.inf
    """When it was taken (wall-clock seconds)."""

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.rules.tracking, self.run, self.rules.choosy)
        self.attendance = Attendance(self.rules.announce)
        self.doubts = Doubts(self.camera, self.rules.explain, self.rules.decision, self.rules.voting)

    def look(self, faces: Sequence[Face], frame: Frame) -> Looked:
        """Take over what a detector found in `frame`; returns the faces to identify and the tracks that ended."""
        self.size, self.looked_at = frame.picture.size, frame.captured_at
        looked = self.tracker.look(faces, scene=frame.scene, at=frame.captured_at, now=frame.stamp)
        self.doubts.begun(looked.begun, frame.stamp)
        for track_id in (*looked.ended, *looked.interrupted):
            self._ballots.pop(track_id, None)
        self._sure.difference_update(looked.ended)
        for track_id in looked.ended:
            self._barred.pop(track_id, None)
        for track in self.tracker.tracks.values():
            if track.person is not None and not track.missed and not track.interrupted:
                self.attendance.seen(track.person.person_id, frame.stamp)
        return looked

    def alive(self, track_id: str) -> bool:
        """Whether the track goes on."""
        return track_id in self.tracker.tracks

    def glances(self) -> list[Glance]:
        """The decided tracks, and how sure it is that they still show whom they showed."""
        return [
            Glance(
                track_id=track.track_id,
                person_id=_person_id(track),
                seen=track.seen,
                missed=track.missed > 0,
                doubtful=track.interrupted,
                height=track.box.height / self.size[1],
            )
            for track in self.tracker.tracks.values()
            if track.status is not Status.UNDECIDED
        ]

    def standing(self) -> list[Stander]:
        """Every face that is followed, who came first before others; named are those whom the gallery knows."""
        return [self._stander(track) for track in self.tracker.tracks.values()]

    def waits(self, now: float) -> bool:
        """Whether somebody in sight has no name because the recognizer takes long to answer."""
        return any(
            track.status is Status.UNDECIDED and track.waiting and now - track.waits_since > SLOW
            for track in self.tracker.tracks.values()
        )

    def explain(self, ended: Sequence[str], now: float) -> Undecided | None:
        """Why somebody was not recognized: one of the tracks that ended, or one that waits for a decision too long."""
        return self.doubts.ended(ended, now) or self.doubts.due(now)

    def refuse(self, track_id: str, flaw: Flaw, quality: Quality) -> None:
        """A face is too bad to be compared with anybody."""
        self.doubts.refused(track_id, flaw, quality)
        self.tracker.answered(track_id)

    def give_up(self, track_id: str) -> None:
        """A face will not be answered: its place in the queue was taken."""
        self.tracker.answered(track_id)

    def answer(self, look: Look, answer: Answer, *, event_id: str, seq: int) -> Outcome | None:
        """Count a recognizer's answer; `event_id` and `seq` are used if there is a sighting. None: the track ended."""
        track = self.tracker.answered(look.track_id)
        if track is None:
            return None
        self.gallery_is(answer.gallery)
        ballot = self._ballots.setdefault(look.track_id, Ballot(self.rules.voting))
        vote = judge(answer, look.quality, self.rules.decision)
        vote = self.rejections.weighed(vote, answer, self._rules(vote.judge).margin)
        if vote.person_id in self._barred.get(look.track_id, ()):
            vote = rejected(vote)
        verdict = ballot.cast(vote)
        track.heard(vote.person_id)
        self.doubts.voted(look.track_id, vote, look.quality)
        sighting = None
        if verdict.decided:
            self.doubts.decided(look.track_id)
            sighting = self._settle(track, look, verdict, event_id, seq)
        if verdict.decided or vote.person_id == _person_id(track):
            self._sure.add(look.track_id)
        if vote.person_id is not None and vote.person_id == _person_id(track):
            track.confirmed = look.stamp
        return Outcome(vote, verdict, sighting)

    def take_back(self, told: Sighting, *, event_id: str, seq: int, at: float, now: float) -> Sighting | None:
        """A sighting named the wrong person: its track is not named so again; the correction, if it still is."""
        track = self.tracker.tracks.get(told.track_id)
        if told.person_id is None:
            return None
        if track is not None:
            self._barred.setdefault(track.track_id, set()).add(told.person_id)
        heirs = self._heirs(told)
        track = track or next(iter(heirs), None)
        if track is None:
            return None
        self._decide_anew(track)
        if _person_id(track) != told.person_id:
            return None
        previous, replaces = track.person, track.event_id or told.event_id
        for heir in heirs:
            heir.settle(Status.UNDECIDED, None, None)
            self._decide_anew(heir)
        track.settle(Status.UNKNOWN, None, event_id)
        self._sure.discard(track.track_id)
        self._told.pop(told.person_id, None)
        self.attendance.forget(told.person_id)
        return replace(
            told,
            event_id=event_id,
            seq=seq,
            type=SightingType.CHANGED,
            person_id=None,
            name=None,
            track_id=track.track_id,
            first_seen_at=track.first_seen_at,
            box=track.box,
            captured_at=at,
            stamp=now,
            assurance=Assurance.LOW,
            decision=replace(told.decision, reason=Reason.REJECTED_BEFORE, rejected=told.person_id),
            replaces=replaces,
            previous=previous,
        )

    def give_back(self, told: Sighting) -> None:
        """It named the right person after all: its track may be named so again, if it goes on."""
        track = self.tracker.tracks.get(told.track_id)
        if track is not None and told.person_id in self._barred.get(told.track_id, ()):
            self._barred[told.track_id].discard(told.person_id)
            self._decide_anew(track)

    def _heirs(self, told: Sighting) -> list[Track]:
        """Tracks of which nothing was told because the same person had just been told by this sighting."""
        latest = self._told.get(told.person_id or "")
        if latest is None or latest.event_id != told.event_id:
            return []
        named = [track for track in self.tracker.tracks.values() if _person_id(track) == told.person_id]
        return [track for track in named if track.event_id is None]

    def _decide_anew(self, track: Track) -> None:
        self._ballots.pop(track.track_id, None)
        self.tracker.ask_again([track])

    def gallery_is(self, version: int) -> None:
        """Drop all votes that were cast on another gallery, and ask again for everybody in sight."""
        if version != self._gallery:
            self._gallery = version
            self._ballots.clear()
            self._sure.clear()
            self.tracker.ask_again()

    def judge_by(self, rules: DecisionRules) -> None:
        """Judge looks by other rules from now on: no vote that was cast by the old ones counts any more."""
        self.rules = replace(self.rules, decision=rules)
        self.doubts.decision = rules
        self.gallery_is(CHANGED)

    def announce_by(self, rules: AnnounceRules) -> None:
        """Announce people by other rules from now on."""
        self.rules = replace(self.rules, announce=rules)
        self.attendance.rules = rules

    def attend(self, now: float) -> None:
        """Somebody relies on who stands there: for a moment that is made sure of more often."""
        self.tracker.attend(now)

    def eager(self, now: float) -> bool:
        """True while frames are wanted even if nothing moves."""
        return self.tracker.eager(now)

    def present(self) -> list[Sighting]:
        """The persons in sight now, each as they were last told, by the name they have now.

        After a change of the gallery only those whom it knows, too: the others may just have been erased.
        """
        inside = {
            track.person.person_id: track.person.name
            for track in self.tracker.tracks.values()
            if track.person and track.track_id in self._sure
        }
        return [replace(told, name=inside[one]) for one, told in self._told.items() if one in inside]

    def tick(self, now: float) -> None:
        """Let time pass."""
        self.attendance.tick(now)
        # Who does not move is not looked at, but stays.
        inside = {track.person.person_id for track in self.tracker.tracks.values() if track.person}
        for person_id in self._told.keys() - self.attendance.last_seen.keys() - inside:
            del self._told[person_id]

    def _stander(self, track: Track) -> Stander:
        person = track.person if track.track_id in self._sure else None
        standing = Standing.UNKNOWN if track.status is Status.UNKNOWN else Standing.KNOWN if person else Standing.OPEN
        if track.interrupted:
            standing = Standing.OPEN
        # Where each identification costs, nobody is identified again for this.
        confirmed = track.seen if self.rules.choosy else track.confirmed
        return Stander(track.track_id, standing, person, track.seen, confirmed, missed=track.missed > 0)

    def _settle(self, track: Track, look: Look, verdict: Verdict, event_id: str, seq: int) -> Sighting | None:
        """Make the verdict the track's state; the sighting if that is news."""
        person = None
        if verdict.person_id is not None:
            person = PersonRef(verdict.person_id, verdict.name or "")
        status = Status.KNOWN if person else Status.UNKNOWN
        if status is track.status and _person_id(track) == verdict.person_id:
            track.settle(status, person, track.event_id)
            return None
        if person is None and self._still_likely(track):
            track.settle(track.status, track.person, track.event_id)
            return None
        if person is None and self._likely_back(track, look.stamp):
            return None
        kind = self._kind(track, person, look.stamp)
        previous, replaces = track.person, track.event_id
        track.settle(status, person, event_id if kind else None)
        if kind is None:
            return None
        sighting = Sighting(
            event_id=event_id,
            seq=seq,
            type=kind,
            camera=self.camera,
            track_id=track.track_id,
            person_id=verdict.person_id,
            name=verdict.name,
            first_seen_at=track.first_seen_at,
            captured_at=look.captured_at,
            stamp=look.stamp,
            box=look.box,
            frame_size=look.frame_size,
            assurance=verdict.assurance,
            decision=self._receipt(verdict),
            replaces=replaces,
            previous=previous if kind is SightingType.CHANGED else None,
        )
        if person is not None:
            self._told[person.person_id] = sighting
        return sighting

    def _kind(self, track: Track, person: PersonRef | None, now: float) -> SightingType | None:
        """What the new state is for the outside; None if it was told already."""
        arrived = self.attendance.seen(person.person_id, now) if person else True
        told = track.event_id is not None
        if told and track.person is not None:
            self.attendance.forget(track.person.person_id)
            return SightingType.CHANGED
        if person is None:
            return SightingType.UNKNOWN
        return SightingType.RECOGNIZED if arrived or told else None

    def _still_likely(self, track: Track) -> bool:
        """A named person who turned away scores badly but stays the best guess: no reason to take the name back."""
        if track.person is None or track.contested > PATIENCE:
            return False
        votes = self._ballots[track.track_id].votes
        near = sum(self._near(vote) == track.person.person_id for vote in votes)
        # Who was out of sight may be somebody else: one look is not enough then.
        return near * 2 > len(votes) if track.interrupted else near > 0

    def _likely_back(self, track: Track, now: float) -> bool:
        """A new track of bad looks, most of them like somebody who was here a moment ago and is out of sight now."""
        if track.status is not Status.UNDECIDED:
            return False
        votes = self._ballots[track.track_id].votes
        near = Counter(self._near(vote) for vote in votes)
        in_sight = {_person_id(other) for other in self.tracker.tracks.values() if not other.missed}
        just_now = {who for who, seen in self.attendance.last_seen.items() if now - seen <= JUST_NOW}
        return any(near[who] * 2 > len(votes) for who in just_now - in_sight)

    def _near(self, vote: Vote) -> str | None:
        """Whom a look is like, if not enough to be named."""
        if vote.nearest is None or vote.reason is Reason.REJECTED_BEFORE:
            return None
        close = vote.nearest.score >= self._rules(vote.judge).threshold - DOUBT
        return vote.nearest.person_id if close else None

    def _rules(self, judge: Judge | None) -> DecisionRules:
        return judge.rules if judge else self.rules.decision

    def _receipt(self, verdict: Verdict) -> Decision:
        return Decision(
            score=verdict.score,
            runner_up=verdict.runner_up,
            margin=verdict.margin,
            threshold=self._rules(verdict.judge).threshold,
            votes=verdict.votes,
            looks=verdict.looks,
            quality=verdict.quality,
            reason=verdict.reason,
            rejected=verdict.rejected,
            judge=verdict.judge,
        )


def _person_id(track: Track) -> str | None:
    return track.person.person_id if track.person else None
