"""What the core and the use cases tell the outside: three kinds of events, one for each promise of delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from uSense.core.judging import Judge
from uSense.core.models import Box, PersonRef, Probe, Size


class SightingType(StrEnum):
    """What a sighting says: a first naming, nobody known, or a correction of an earlier one."""

    RECOGNIZED = "recognized"
    UNKNOWN = "unknown"
    CHANGED = "changed"


class Assurance(StrEnum):
    """How much a sighting may be trusted; `high` needs a passed liveness check."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The receipt of a decision: the numbers it was made from."""

    score: float | None
    runner_up: float | None
    margin: float | None
    threshold: float
    votes: int
    looks: int
    quality: float
    reason: str
    rejected: str | None = None
    """Id of the person of whom was said that such a face is not theirs, if that was the reason."""
    judge: Judge | None = None
    """Who decided, if not the recognizer that is usually asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A decided track. `captured_at` (wall) and `stamp` (monotonic) are of the deciding look."""

    event_id: str
    seq: int
    type: SightingType
    camera: str
    track_id: str
    person_id: str | None
    name: str | None
    first_seen_at: float
    captured_at: float
    stamp: float
    box: Box
    frame_size: Size
    assurance: Assurance
    decision: Decision
    replaces: str | None = None
    previous: PersonRef | None = None
    visitor_id: str | None = None
    """Of an unknown person who was here before."""
    age: float = 0.0
    """Seconds from the deciding look to the decision."""


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """The face that the sighting `seq`, which follows, was decided by, cut out."""

    seq: int
    camera: str
    probe: Probe


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened, for `usense/event`; a `lasting` one waits on disk until the broker has it."""

    type: str
    data: Mapping[str, Any]
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """The present value of something, kept by the broker; `value` is JSON or plain text.

    `topic` is without the prefix; a `rooted` one is whole, and in somebody else's part of the broker.
    """

    topic: str
    value: Any
    rooted: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """Somebody is in sight of a camera, `distance` meters away: worth telling at this moment only, on this topic."""

    topic: str
    person_id: str
    name: str
    distance: float


Event: TypeAlias = Sighting | Portrait | Notice | State | Located
