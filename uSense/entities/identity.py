"""`usense/identity`: a decided track, as JSON."""

from __future__ import annotations

import math
from typing import Literal

from uSense.core.calibration import confidence
from uSense.core.events import Assurance, Sighting, SightingType
from uSense.core.models import Box, Size
from uSense.core.voting import Reason
from uSense.entities.payload import Context, Message, encode, remaining
from uSense.schema import Branch
from uSense.times import rfc3339


class BoxPayload(Branch):
    """Where the face was in the picture; 0 to 1 from the top left corner."""

    x: float
    """Left edge."""
    y: float
    """Upper edge."""
    w: float
    """Width."""
    h: float
    """Height."""


class DecisionPayload(Branch):
    """The receipt of the decision."""

    score: float | None
    """Similarity to the best person; higher is better."""
    runner_up: float | None
    """Similarity to the next best person; null if there is none."""
    margin: float | None
    """Lead of the best person over the next."""
    threshold: float
    """Least score that names a person."""
    votes: int
    """Looks that agree with the decision."""
    looks: int
    """Looks that were counted."""
    quality: float
    """How usable the face was, 0 to 1."""
    liveness: float | None
    """Result of a liveness check; null without one."""
    reason: str
    """Why it was decided so, in one word."""
    recognizer: str
    """Backend that identified the face: local or azure."""
    model: str
    """Model that made the embedding."""


class PersonPayload(Branch):
    """A person."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""


class IdentityPayload(Branch):
    """One decided track. Delivered at least once: duplicates have the same `event_id`."""

    event_id: str
    """Unique id of this event."""
    seq: int
    """Number in the order of decision, rising while the service runs."""
    type: SightingType
    """recognized, unknown, or changed: a correction of an earlier event."""
    instance: str
    """Name of the uSense that saw it."""
    camera: str
    """Name of the camera."""
    track_id: str
    """Id of the track: one face followed through one camera's frames."""
    person_id: str | None
    """Id of the person; null if unknown."""
    name: str | None
    """Name of the person; null if unknown."""
    visitor_id: str | None
    """Id of somebody unknown who was here before; null for all others."""
    confidence: float | None
    """Of the identity told, also of unknown, as `confidence_kind` says; a score is no probability; null if rejected."""
    confidence_kind: Literal["score", "calibrated", "azure"]
    """What `confidence` means: calibrated (a probability), score (of the best person), or azure (as Azure gave it)."""
    first_seen_at: str
    """When the track began; RFC 3339, UTC."""
    captured_at: str
    """When the deciding picture was taken; RFC 3339, UTC."""
    age_ms: int
    """Milliseconds from the deciding picture to the sending of this message."""
    expires_at: str | None
    """After this the message should not be acted on; RFC 3339, UTC; null if it never expires."""
    box: BoxPayload
    """Where the face was."""
    assurance: Assurance
    """low, medium, or high; high needs a passed liveness check."""
    decision: DecisionPayload
    """What the decision was made from."""
    replaces: str | None = None
    """Id of the event that this one corrects: of a changed, or of a recognized whose track was told as unknown."""
    previous: PersonPayload | None = None
    """Person whom the corrected event named; only when `type` is changed."""

    @property
    def percent(self) -> int | None:
        """The confidence, for people."""
        return None if self.confidence is None else round(100 * self.confidence)


def identity(sighting: Sighting, context: Context, now: float) -> list[Message]:
    """The message for `usense/identity`, as it is to be sent `now` (monotonic seconds)."""
    return [_message(context.topics.identity, 1, sighting, context, now)]


def live(sighting: Sighting, context: Context, now: float) -> list[Message]:
    """The same for those who must only hear of it at the moment of decision."""
    return [_message(context.topics.live, 0, sighting, context, now)]


def payload(sighting: Sighting, context: Context, now: float) -> IdentityPayload:
    """The content of the message."""
    decision, previous = sighting.decision, sighting.previous
    kind, model, strangers = context.recognizer, context.model, context.strangers
    if (judge := decision.judge) is not None:
        kind, model, strangers = judge.kind, judge.model, judge.rules.strangers
    sure = confidence(model, decision, strangers, known=sighting.person_id is not None)
    # A number made from the likeness would contradict whoever said that it is not that person.
    rejected = decision.reason == Reason.REJECTED_BEFORE
    told: Literal["azure", "score"] = "azure" if kind == "azure" else "score"
    expires = None if context.lifetime is None else rfc3339(sighting.captured_at + context.lifetime)
    return IdentityPayload(
        event_id=sighting.event_id,
        seq=sighting.seq,
        type=sighting.type,
        instance=context.instance,
        camera=sighting.camera,
        track_id=sighting.track_id,
        person_id=sighting.person_id,
        name=sighting.name,
        visitor_id=sighting.visitor_id,
        confidence=None if rejected else _rounded(decision.score if sure is None else sure),
        confidence_kind=told if sure is None else "calibrated",
        first_seen_at=rfc3339(sighting.first_seen_at),
        captured_at=rfc3339(sighting.captured_at),
        age_ms=max(0, round((now - sighting.stamp) * 1000)),
        expires_at=expires,
        box=_relative(sighting.box, sighting.frame_size),
        assurance=sighting.assurance,
        decision=DecisionPayload(
            score=_rounded(decision.score),
            runner_up=_rounded(decision.runner_up),
            margin=_rounded(decision.margin),
            threshold=decision.threshold,
            votes=decision.votes,
            looks=decision.looks,
            quality=round(decision.quality, 3),
            liveness=None,
            reason=decision.reason,
            recognizer=kind,
            model=model,
        ),
        replaces=sighting.replaces,
        previous=None if previous is None else PersonPayload(person_id=previous.person_id, name=previous.name),
    )


def _message(topic: str, qos: int, sighting: Sighting, context: Context, now: float) -> Message:
    content = payload(sighting, context, now)
    unset = {key for key in ("replaces", "previous") if getattr(content, key) is None}
    return Message(
        topic, encode(content.model_dump(mode="json", exclude=unset)), qos, lifetime=remaining(sighting, context, now)
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 3)


def _relative(box: Box, size: Size) -> BoxPayload:
    """The visible part of a box as parts of the picture."""
    width, height = size
    x0, x1 = (min(max(x / width, 0.0), 1.0) for x in (box.x0, box.x1))
    y0, y1 = (min(max(y / height, 0.0), 1.0) for y in (box.y0, box.y1))
    return BoxPayload(x=round(x0, 4), y=round(y0, 4), w=round(x1 - x0, 4), h=round(y1 - y0, 4))
