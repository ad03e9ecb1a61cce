"""Why somebody is not recognized: what stood in the way at most looks, in words that say what to do."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from uSense.core.bounds import Pause, Week
from uSense.core.judging import DecisionRules
from uSense.core.models import Quality
from uSense.core.quality import Flaw
from uSense.core.voting import Reason, Vote, VotingRules

FLAWS: Mapping[str, str] = {
    Flaw.TOO_SMALL: "the face is too small ({size:.0f} pixels high): come closer or send a larger picture",
    Flaw.BLURRED: "the face is blurred: hold still, or send a sharper picture",
    Flaw.TOO_DARK: "the face is too dark: add light",
    Flaw.TOO_BRIGHT: "the face is overexposed: less light",
    Flaw.NOISY: "the face is noisy: add light, or send a better picture",
    Flaw.TURNED_AWAY: "the face is turned away: look at the camera",
    Flaw.DOUBTFUL: "the detector is not sure that this is a face: send a clear frontal picture",
    Flaw.UNSEEN: "the recognizer sees no face there: look at the camera, or send a clear frontal picture",
}
"""What to do about a face that the quality gate refuses, by reason."""

NOT_LOOKED_AT = "not_looked_at"
"""Reason of a track none of whose faces was answered."""
_LIKE = "most like {name} (score {score:.2f})"
_SENTENCES: Mapping[str, str] = {
    **FLAWS,
    NOT_LOOKED_AT: "there was no time to look closer: the recognizer is busy or does not answer",
    Reason.NOBODY_ENROLLED: "nobody is enrolled yet: usense enroll NAME PHOTO...",
    Reason.UNLIKE_ANYBODY: "like nobody who is enrolled: if it is somebody, enroll photos from this camera",
    Reason.BELOW_THRESHOLD: f"{_LIKE}, {{threshold:.2f}} is needed: if it is, enroll photos from this camera",
    Reason.UNCLEAR: f"{_LIKE}, but a look of quality {{quality:.2f}} needs {{needed:.2f}}: come closer, add light",
    Reason.BETWEEN_TWO: f"{_LIKE}, the next one is too close (score {{runner_up:.2f}}): enroll more photos of both",
    Reason.REJECTED_BEFORE: f"{_LIKE}, but like a face of which you said that it is not: enroll photos of both",
    Reason.TOO_FEW_LOOKS: "seen too shortly: {looks} usable looks, and {agreeing} that agree are needed",
    Reason.DISAGREEING_LOOKS: f"{_LIKE}, but the looks disagree: {{tally}}",
}
_REMEMBERED = 10
"""Latest looks of a track that are explained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRules:
    """When `track.undecided` tells why somebody was not recognized."""

    after: Pause = 3.0
    """Seconds after which a face without a decision is explained, later where looks are rare; when it leaves, then."""
    every: Week = 10.0
    """Seconds between two explanations of one camera at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A track without a decision, and why. Scores and names are those of the clearest look; None where unknown."""

    track_id: str
    camera: str
    seconds: float
    looks: int
    gone: bool
    reason: str
    message: str
    size: float | None
    quality: float | None
    name: str | None
    score: float | None
    runner_up: float | None
    missing: float | None
    """What the score, or for `between_two` the margin, is short of."""


@dataclass(frozen=True, slots=True)
class _Seen:
    reason: str
    quality: Quality
    vote: Vote | None = None


@dataclass(slots=True)
class _Doubt:
    begun: float
    looks: int = 0
    seen: deque[_Seen] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))


@dataclass(slots=True)
class Doubts:
    """The undecided tracks of one camera."""

    camera: str
    rules: ExplainRules
    decision: DecisionRules
    voting: VotingRules
    withheld: int = 0
    """Explanations that were due sooner than the rules allow."""
    _open: dict[str, _Doubt] = field(default_factory=dict)
    _told_at: float | None = None
    _looked_at: float = math.inf

    def begun(self, track_ids: Iterable[str], now: float) -> None:
        """Follow new tracks."""
        for track_id in track_ids:
            self._open[track_id] = _Doubt(now)

    def refused(self, track_id: str, flaw: Flaw, quality: Quality) -> None:
        """A look was not worth a comparison."""
        self._note(track_id, _Seen(flaw, quality))

    def voted(self, track_id: str, vote: Vote, quality: Quality) -> None:
        """A look was compared with everybody."""
        self._note(track_id, _Seen(vote.reason, quality, vote))

    def decided(self, track_id: str) -> None:
        """There is nothing to explain any more."""
        self._open.pop(track_id, None)

    def due(self, now: float) -> Undecided | None:
        """The explanation of the track that waits longest, if it is time for one; called after each look."""
        # A camera that is looked at seldom needs longer for as many looks.
        patience = max(self.rules.after, self.voting.window * (now - self._looked_at))
        self._looked_at = now
        if self._told_at is not None and now - self._told_at < self.rules.every:
            return None
        for track_id, doubt in self._open.items():
            if now - doubt.begun >= patience:
                self._told_at = now
                self._open[track_id] = self._open.pop(track_id)  # the others go first next time
                return self._explained(track_id, doubt, now, gone=False)
        return None

    def ended(self, track_ids: Iterable[str], now: float) -> Undecided | None:
        """The explanation of one that left without a decision, if it is time for one; faces seen once tell nothing."""
        told = None
        for track_id in track_ids:
            doubt = self._open.pop(track_id, None)
            if doubt is None or doubt.looks <= 1:
                continue
            if told is not None or (self._told_at is not None and now - self._told_at < self.rules.every):
                self.withheld += 1
                continue
            told, self._told_at = self._explained(track_id, doubt, now, gone=True), now
        return told

    def _note(self, track_id: str, seen: _Seen) -> None:
        if (doubt := self._open.get(track_id)) is not None:
            doubt.looks += 1
            doubt.seen.append(seen)

    def _explained(self, track_id: str, doubt: _Doubt, now: float, *, gone: bool) -> Undecided:
        reason = self._reason(doubt)
        fitting = [seen for seen in doubt.seen if seen.reason == reason] or list(doubt.seen)
        best = max(fitting, key=lambda seen: seen.quality.value, default=None)
        vote = best.vote if best else None
        nearest = vote.nearest if vote else None
        return Undecided(
            track_id=track_id,
            camera=self.camera,
            seconds=round(now - doubt.begun, 1),
            looks=doubt.looks,
            gone=gone,
            reason=reason,
            message=self._sentence(reason, doubt, best),
            size=round(best.quality.size) if best else None,
            quality=best.quality.value if best else None,
            name=nearest.name if nearest else None,
            score=vote.score if vote else None,
            runner_up=vote.runner_up if vote else None,
            missing=self._missing(vote) if vote else None,
        )

    def _reason(self, doubt: _Doubt) -> str:
        """What stood in the way most often, of late; agreeing looks that did not suffice were too few or divided."""
        if not doubt.seen:
            return NOT_LOOKED_AT
        (common, _), *_ = Counter(seen.reason for seen in doubt.seen).most_common(1)
        if common != Reason.AGREED:
            return str(common)
        divided = len({seen.vote.person_id for seen in doubt.seen if seen.vote}) > 1
        return Reason.DISAGREEING_LOOKS if divided else Reason.TOO_FEW_LOOKS

    def _needed(self, vote: Vote) -> float:
        """The score that a look of this quality needs."""
        rules = self._rules(vote)
        return rules.threshold + rules.doubt * max(0.0, rules.clear - vote.quality)

    def _rules(self, vote: Vote | None) -> DecisionRules:
        return vote.judge.rules if vote and vote.judge else self.decision

    def _missing(self, vote: Vote) -> float | None:
        if vote.score is None or vote.margin is None:
            return None
        between = vote.reason is Reason.BETWEEN_TWO
        short = self._rules(vote).margin - vote.margin if between else self._needed(vote) - vote.score
        return round(max(0.0, short), 3)

    def _sentence(self, reason: str, doubt: _Doubt, best: _Seen | None) -> str:
        vote = best.vote if best else None
        nearest = vote.nearest if vote else None
        return _SENTENCES[reason].format(
            size=best.quality.size if best else 0.0,
            quality=vote.quality if vote else 0.0,
            name=nearest.name if nearest else "nobody",
            score=nearest.score if nearest else 0.0,
            runner_up=(vote.runner_up if vote else None) or 0.0,
            threshold=self._rules(vote).threshold,
            needed=self._needed(vote) if vote else 0.0,
            looks=doubt.looks,
            agreeing=self.voting.needed,
            tally=_tally(doubt),
        )


def _tally(doubt: _Doubt) -> str:
    """How often each name was said, of late."""
    names = Counter(seen.vote.candidate.name if seen.vote and seen.vote.candidate else "unknown" for seen in doubt.seen)
    return ", ".join(f"{name} {times} x" for name, times in names.most_common())
