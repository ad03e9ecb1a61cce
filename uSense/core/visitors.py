"""Unknown people who come again: which of them is whom, and when one gets an id. Feed it looks, ask it at a verdict.

A stranger becomes a candidate when their track ends, and a visitor with an id when they are seen again. Whoever might
be somebody enrolled becomes neither: a wrong id is worse than none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
from annotated_types import Interval

from uSense.core import matching
from uSense.core.bounds import Share, Week
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Embedding, Probe
from uSense.core.voting import Reason, Vote

DAY = 86_400.0
CANDIDATE_DAYS = 2.0
"""Days for which somebody who was seen once is remembered, without an id."""
MOST_FACES = 8
"""Faces kept of a visitor: the most different ones."""
LOOKS = 3
"""Best looks at a track that count."""
MOST_EVENTS = 50
"""Latest events of a visitor that a naming tells."""
_SAME_VIEW = 0.90
"""Score from which two faces are the same view of somebody: the better one is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorRules:
    """How long unknown people are remembered, and when one is taken for the same."""

    enabled: bool = True
    """Give the same unknown face the same `visitor_id`; off erases whatever was kept of unknown people."""
    keep_days: Annotated[float, Interval(gt=0, le=365)] = 14.0
    """Days after the last sighting for which a visitor is kept."""
    most: Annotated[int, Interval(ge=1, le=1000)] = 200
    """Visitors kept at most, and as many who were seen once; who was not seen longest leaves."""
    apart: Week = 60.0
    """Seconds out of sight after which somebody's next sighting is another visit."""
    quality: Share = 0.50
    """Lowest quality, 0 to 1, of a look that a visitor is known by."""
    stricter: Share = 0.04
    """How far above the recognizer's threshold a face must score to be a visitor's."""
    doubt: Share = 0.10
    """How far below that threshold a face may score against somebody enrolled and still be nobody's."""


@dataclass(frozen=True, slots=True, eq=False)
class Glimpse:
    """A look at an unknown face; the probe is there until it was stored."""

    embedding: Embedding
    quality: float
    probe: Probe | None = None


@dataclass(slots=True, eq=False)
class Visitor:
    """Somebody unknown who was here; without an id for others until `minted`. Times are wall-clock seconds."""

    visitor_id: str
    first_seen_at: float
    last_seen_at: float
    minted: bool = False
    ignored: bool = False
    sightings: int = 1
    cameras: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    faces: dict[int, Glimpse] = field(default_factory=dict)
    """By a number that is never used twice."""
    _mean: Embedding | None = None

    @property
    def mean(self) -> Embedding:
        """What others are compared with: the mean of the faces."""
        if self._mean is None:
            self._mean = mean([glimpse.embedding for glimpse in self.faces.values()])
        return self._mean

    def expires_at(self, rules: VisitorRules) -> float:
        """When nothing of them is kept any longer, unless they come again."""
        return self.last_seen_at + DAY * (rules.keep_days if self.minted else min(CANDIDATE_DAYS, rules.keep_days))

    def away(self, at: float, rules: VisitorRules) -> bool:
        """Whether who comes `at` this time has been out of sight long enough to be another visit.

        Two cameras may see somebody at once; a clock that went back by a day did not see them at all.
        """
        gap = at - self.last_seen_at
        return gap >= rules.apart or gap <= -DAY

    def seen(self, at: float) -> None:
        """They were there; if that is a day before the last time, the clock was wrong then."""
        self.last_seen_at = at if at <= self.last_seen_at - DAY else max(self.last_seen_at, at)

    def pick_up(self, probes: Mapping[int, Probe]) -> None:
        """These faces have pictures, which are to be stored."""
        for number in self.faces.keys() & probes.keys():
            self.faces[number] = replace(self.faces[number], probe=probes[number])

    def put_down(self, numbers: Iterable[int]) -> None:
        """Forget the pictures of these faces: they are stored, or never will be."""
        for number in self.faces.keys() & set(numbers):
            self.faces[number] = replace(self.faces[number], probe=None)

    def take_in(self, other: Visitor) -> Commit:
        """Be the same as another: their visits, and the most different faces of both; what is to be written."""
        later = (other, self) if other.last_seen_at <= self.last_seen_at else (self, other)
        self.event_ids = tuple(event_id for one in later for event_id in one.event_ids)[-MOST_EVENTS:]
        self.first_seen_at = min(self.first_seen_at, other.first_seen_at)
        self.last_seen_at = max(self.last_seen_at, other.last_seen_at)
        self.minted = self.minted or other.minted
        self.sightings += other.sightings
        self.cameras = tuple(dict.fromkeys((*self.cameras, *other.cameras)))
        new, left = self.take(other.faces.values())
        return Commit(self, frozenset(new), frozenset(left))

    def take(self, glimpses: Iterable[Glimpse]) -> tuple[set[int], set[int]]:
        """Keep the most different faces; returns the numbers that are new, and those that left."""
        before = set(self.faces)
        numbers = itertools.count(max(self.faces, default=0) + 1)
        for glimpse in glimpses:
            alike = {
                number: score
                for number, kept in self.faces.items()
                if (score := likeness(kept.embedding, glimpse.embedding)) >= _SAME_VIEW
            }
            if any(self.faces[number].quality >= glimpse.quality for number in alike):
                continue
            for number in alike:
                del self.faces[number]
            self.faces[next(numbers)] = glimpse
            if len(self.faces) > MOST_FACES:
                del self.faces[self._dispensable()]
        self._mean = None
        return set(self.faces) - before, before - set(self.faces)

    def _dispensable(self) -> int:
        """The worse face of the two that are most alike."""
        pairs = itertools.combinations(self.faces, 2)
        pair = max(pairs, key=lambda pair: likeness(*(self.faces[number].embedding for number in pair)))
        return min(pair, key=lambda number: self.faces[number].quality)


@dataclass(frozen=True, slots=True, eq=False)
class Commit:
    """What is to be written after a track: the visitor, numbers of the faces that are new and of those that left."""

    visitor: Visitor
    new: frozenset[int]
    left: frozenset[int]


@dataclass(frozen=True, slots=True)
class Met:
    """Whom an unknown face belongs to: a visitor, who got the id just now if `new`."""

    visitor: Visitor
    new: bool


@dataclass(slots=True)
class _Visit:
    """One track. `met` is the visitor with whose id it was told, in the events `told`."""

    camera: str
    begun_at: float
    at: float = 0.0
    glimpses: list[Glimpse] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """Events told without an id."""
    told: list[str] = field(default_factory=list)
    met: str | None = None
    minted: bool = False
    unknown: bool = False
    doubtful: bool = False
    unity: float = math.inf
    """Score of the look that is least like the best one: a track may go over to somebody else."""

    def add(self, glimpse: Glimpse) -> None:
        if self.glimpses:
            self.unity = min(self.unity, likeness(self.glimpses[0].embedding, glimpse.embedding))
        self.glimpses.append(glimpse)
        self.glimpses.sort(key=lambda one: one.quality, reverse=True)
        del self.glimpses[LOOKS:]

    def clear(self) -> None:
        """What was seen until now says nothing."""
        self.glimpses.clear()
        self.unity = math.inf


@dataclass(slots=True)
class Book:
    """All visitors and candidates, and the tracks that may become some."""

    rules: VisitorRules
    visitors: dict[str, Visitor] = field(default_factory=dict)
    _visits: dict[str, _Visit] = field(default_factory=dict)

    def look(self, track_id: str, camera: str, at: float, glimpse: Glimpse | None) -> None:
        """A look at a track was answered; without a `glimpse` it may have been somebody enrolled."""
        visit = self._visits.setdefault(track_id, _Visit(camera, at))
        visit.at = max(visit.at, at)
        if glimpse is None:
            visit.doubtful = True
            visit.clear()
        elif not visit.doubtful and glimpse.quality >= self.rules.quality:
            visit.add(glimpse)

    def recognized(self, track_id: str) -> list[Visitor]:
        """It was somebody enrolled: take back what the track gave; returns the visitor who is none, to be erased."""
        visit = self._visits[track_id]
        visit.doubtful = True
        visit.clear()
        visit.waiting.clear()
        if visitor := self.visitors.get(visit.met or ""):
            visitor.event_ids = tuple(one for one in visitor.event_ids if one not in visit.told)
        gone = [visit.met] if visit.met and visit.minted else []
        visit.met, visit.minted = None, False
        return self.remove(gone)

    def unknown(self, track_id: str, event_id: str, bar: float) -> Met | None:
        """The track was told as unknown: the visitor whose face it is; `bar` is the score that it takes."""
        visit = self._visits[track_id]
        visit.unknown = True
        visit.waiting.append(event_id)
        nearest = self._nearest(visit, bar)
        return self._met(visit, nearest[1]) if nearest and nearest[0] >= bar else None

    def ended(self, track_id: str, fresh: str, bar: float) -> tuple[Commit | None, Met | None]:
        """The track ended: what to write, and the visitor who got the id just by this; `fresh` is an unused id."""
        visit = self._visits.pop(track_id, None)
        if visit is None or not visit.unknown:
            return None, None
        if visit.unity < self._apart(bar):
            visit.clear()
        nearest = self._nearest(visit, bar)
        met = None
        if nearest is not None and nearest[0] >= bar and visit.met in {None, nearest[1].visitor_id}:
            visitor = nearest[1]
            met = self._met(visit, visitor) if visit.met is None else None
        elif visit.met is not None:
            visit.clear()
            if visit.met not in self.visitors:
                return None, None
            visitor = self.visitors[visit.met]
        elif visit.glimpses and (nearest is None or nearest[0] < self._apart(bar)):
            visitor = self.visitors[fresh] = Visitor(fresh, visit.begun_at, visit.at)
        else:  # as like a visitor as unlike: neither theirs nor somebody else's
            return None, None
        return self._kept(visit, visitor), met if met and met.new else None

    def tracks(self) -> list[str]:
        """The tracks that go on."""
        return list(self._visits)

    def visitor(self, track_id: str) -> Visitor | None:
        """Whose id a track was told with."""
        visit = self._visits.get(track_id)
        return self.visitors.get(visit.met or "") if visit else None

    def doubt_all(self) -> None:
        """People are enrolled who were not before: what was seen until now says nothing about who is unknown."""
        for visit in self._visits.values():
            visit.clear()

    def misdated(self, at: float) -> list[Visitor]:
        """Those seen a day after `at` or later, by a clock that was wrong: they would stay as long, so it was now."""
        found = [visitor for visitor in self.visitors.values() if visitor.last_seen_at >= at + DAY]
        for visitor in found:
            visitor.seen(at)
        return found

    def expired(self, at: float) -> list[Visitor]:
        """Remove those who were not seen for too long."""
        return self.remove([one.visitor_id for one in self.visitors.values() if one.expires_at(self.rules) < at])

    def crowded(self) -> list[Visitor]:
        """Remove those for whom there is no room: who was not seen longest, of visitors and of candidates."""
        gone: list[str] = []
        for minted in (True, False):
            kind = [one for one in self.visitors.values() if one.minted is minted]
            kind.sort(key=lambda one: one.last_seen_at, reverse=True)
            gone += [one.visitor_id for one in kind[self.rules.most :]]
        return self.remove(gone)

    def enrolled(self, answers: Mapping[str, Answer], rules: DecisionRules) -> list[Visitor]:
        """Remove those who by these answers are somebody enrolled, and candidates who may be."""
        gone: list[str] = []
        for visitor_id, answer in answers.items():
            visitor = self.visitors.get(visitor_id)
            if visitor is None or not answer.candidates:
                continue
            lead = answer.candidates[0].score - max((one.score for one in answer.candidates[1:]), default=-math.inf)
            clearly = answer.candidates[0].score >= rules.threshold and lead >= rules.margin
            if clearly or (not visitor.minted and answer.candidates[0].score >= rules.threshold - self.rules.doubt):
                gone.append(visitor_id)
        return self.remove(gone)

    def merge(self, gone: Visitor, into: Visitor) -> Commit:
        """One visitor was another: remove the first, whose visits and faces are the second's; what is to be written."""
        self.remove([gone.visitor_id])
        for visit in self._visits.values():
            if visit.met == gone.visitor_id:
                # Should the track turn out to be somebody enrolled, only the first would have been a mistake.
                visit.met, visit.minted = into.visitor_id, False
        return into.take_in(gone)

    def remove(self, visitor_ids: Iterable[str]) -> list[Visitor]:
        """Remove these; returns who was there."""
        return [gone for one in visitor_ids if (gone := self.visitors.pop(one, None))]

    def _met(self, visit: _Visit, visitor: Visitor) -> Met | None:
        """The visitor; None for a candidate who has not been away and thus not come back."""
        away = visitor.away(visit.begun_at, self.rules)
        if not visitor.minted and not away:
            return None
        visitor.sightings += away and visit.met is None
        visit.met, visit.minted = visitor.visitor_id, not visitor.minted
        visitor.minted = True
        visitor.seen(visit.at)
        visit.told += visit.waiting
        visitor.event_ids = (*visitor.event_ids, *visit.waiting)[-MOST_EVENTS:]
        visit.waiting.clear()
        return Met(visitor, new=visit.minted)

    def _kept(self, visit: _Visit, visitor: Visitor) -> Commit:
        """Give the visitor what is known from the track."""
        visitor.seen(visit.at)
        visitor.cameras = tuple(dict.fromkeys((*visitor.cameras, visit.camera)))
        visitor.event_ids = (*visitor.event_ids, *visit.waiting)[-MOST_EVENTS:]
        new, left = visitor.take(visit.glimpses)
        return Commit(visitor, frozenset(new), frozenset(left))

    def _apart(self, bar: float) -> float:
        """The score below which two faces are two people's."""
        return bar - 2 * self.rules.stricter

    def _nearest(self, visit: _Visit, bar: float) -> tuple[float, Visitor] | None:
        """The visitor who is most like a track's face, with the score; None if it shows two faces."""
        if not visit.glimpses or visit.unity < self._apart(bar):
            return None
        face = mean([glimpse.embedding for glimpse in visit.glimpses])
        scored = ((likeness(face, one.mean), one) for one in self.visitors.values() if one.faces)
        return max(scored, key=lambda pair: pair[0], default=None)


def doubtful(vote: Vote, rules: DecisionRules, doubt: float) -> bool:
    """Whether a look may show somebody enrolled."""
    if vote.candidate is not None or vote.reason in {Reason.BETWEEN_TWO, Reason.REJECTED_BEFORE}:
        return True
    return vote.score is not None and vote.score >= rules.threshold - doubt


def mean(embeddings: Sequence[Embedding]) -> Embedding:
    """The mean of embeddings of the model of the first one."""
    first = embeddings[0]
    vectors = [one.vector for one in embeddings if one.model == first.model]
    return Embedding(first.model, first.metric, np.asarray(np.mean(vectors, axis=0), np.float32))


def likeness(a: Embedding, b: Embedding) -> float:
    """Score of two embeddings; none at all if they are of different models."""
    return matching.score(a.vector, b.vector, a.metric) if a.model == b.model else -math.inf
