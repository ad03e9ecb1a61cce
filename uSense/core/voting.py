"""From looks to a decision: what one look says, and when enough looks agree.

One look names a person only if the score, the margin to the runner-up and the face's quality all suffice; in doubt it
says "unknown", and that counts as a vote too. A track is decided when N of its last M looks agree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from uSense.core.bounds import Looks, Share
from uSense.core.events import Assurance
from uSense.core.judging import DecisionRules, Judge
from uSense.core.models import Answer, Candidate, Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class VotingRules:
    """When the looks at a track suffice for a decision."""

    needed: Looks = 3
    """Looks that must agree on a person."""
    unknown_needed: Looks = 4
    """Looks that must say unknown before a track is called unknown."""
    window: Looks = 5
    """Number of latest looks that are counted."""
    medium_looks: Looks = 3
    """Agreeing looks for the assurance `medium`."""
    medium_margin: Share = 0.10
    """Smallest mean margin for the assurance `medium`."""
    medium_quality: Share = 0.50
    """Lowest mean quality, 0 to 1, for the assurance `medium`."""

    def __post_init__(self) -> None:
        if not 1 <= self.needed <= self.window or not 1 <= self.unknown_needed <= self.window:
            message = "needed and unknown_needed must lie between 1 and window: lower them, or raise window"
            raise ValueError(message)


class Reason(StrEnum):
    """Why a look or a track is judged as it is."""

    AGREED = "agreed"
    NOBODY_ENROLLED = "nobody_enrolled"
    UNLIKE_ANYBODY = "unlike_anybody"
    BELOW_THRESHOLD = "below_threshold"
    UNCLEAR = "unclear"
    BETWEEN_TWO = "between_two"
    REJECTED_BEFORE = "rejected_before"
    TOO_FEW_LOOKS = "too_few_looks"
    DISAGREEING_LOOKS = "disagreeing_looks"


@dataclass(frozen=True, slots=True)
class Vote:
    """What one look says: a person, or nobody with the reason."""

    candidate: Candidate | None
    reason: Reason
    score: float | None
    runner_up: float | None
    quality: float
    nearest: Candidate | None = None
    """The best candidate, also where the vote is unknown: for "why was I not recognized?"."""
    judge: Judge | None = None
    """Who said it, if not the recognizer that is usually asked."""
    floor: float = 0.0
    """Score below which nobody is named as runner-up."""

    @property
    def person_id(self) -> str | None:
        return self.candidate.person_id if self.candidate else None

    @property
    def margin(self) -> float | None:
        """Lead over the runner-up; over the lowest score that would have been named if there is none."""
        return None if self.score is None else self.score - max(self.runner_up or 0.0, self.floor)


def judge(answer: Answer, quality: Quality, rules: DecisionRules) -> Vote:
    """What one look says under `rules`, or under those of the judge that the answer names."""
    rules = answer.judge.rules if answer.judge else rules
    if not answer.candidates:
        nobody = Reason.UNLIKE_ANYBODY if answer.floor else Reason.NOBODY_ENROLLED
        return Vote(None, nobody, None, None, quality.value, judge=answer.judge)
    best = answer.candidates[0]
    second = answer.candidates[1].score if len(answer.candidates) > 1 else None
    reason = Reason.AGREED
    if best.score < rules.threshold:
        reason = Reason.BELOW_THRESHOLD
    elif best.score < rules.threshold + rules.doubt * max(0.0, rules.clear - quality.value):
        reason = Reason.UNCLEAR
    elif second is not None and best.score - second < rules.margin:
        reason = Reason.BETWEEN_TWO
    named = best if reason is Reason.AGREED else None
    return Vote(named, reason, best.score, second, quality.value, best, answer.judge, answer.floor)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a ballot. `person_id` None with `decided` means: unknown."""

    decided: bool
    person_id: str | None
    name: str | None
    votes: int
    looks: int
    score: float | None
    runner_up: float | None
    margin: float | None
    quality: float
    assurance: Assurance
    reason: Reason
    rejected: str | None = None
    """Id of the person whose face it is not, if that is the reason."""
    judge: Judge | None = None


@dataclass(slots=True)
class Ballot:
    """The latest looks at one track."""

    rules: VotingRules
    votes: deque[Vote] = field(init=False)

    def __post_init__(self) -> None:
        self.votes = deque(maxlen=self.rules.window)

    def clear(self) -> None:
        """Forget all looks: the gallery they were compared with is gone."""
        self.votes.clear()

    def cast(self, vote: Vote) -> Verdict:
        """Count one more look and say how things stand."""
        self.votes.append(vote)
        leader = self._leader()
        backing = [vote for vote in self.votes if vote.person_id == leader]
        others = [vote for vote in self.votes if vote.person_id != leader]
        enough = len(backing) >= (self.rules.unknown_needed if leader is None else self.rules.needed)
        outweighs = sum(vote.quality for vote in backing) > sum(vote.quality for vote in others)
        decided = enough and (leader is None or outweighs)
        return self._verdict(leader, backing, decided=decided)

    def _leader(self) -> str | None:
        """The person (or None: unknown) with the heaviest votes; a tie goes to unknown."""
        weights: dict[str | None, float] = {None: 0.0}
        for vote in self.votes:
            weights[vote.person_id] = weights.get(vote.person_id, 0.0) + vote.quality
        return max(weights, key=lambda person: (weights[person], person is None))

    def _verdict(self, leader: str | None, backing: list[Vote], *, decided: bool) -> Verdict:
        best = max(backing, key=lambda vote: vote.score or 0.0, default=self.votes[-1])
        margin = _mean(vote.margin for vote in backing)
        quality = _mean(vote.quality for vote in backing) or 0.0
        reason = best.reason
        if not decided:
            reason = Reason.TOO_FEW_LOOKS if len(backing) == len(self.votes) else Reason.DISAGREEING_LOOKS
        return Verdict(
            decided=decided,
            person_id=leader,
            name=best.candidate.name if best.candidate else None,
            votes=len(backing),
            looks=len(self.votes),
            score=best.score,
            runner_up=best.runner_up,
            margin=best.margin,
            quality=round(quality, 3),
            assurance=self._assurance(leader, len(backing), margin or 0.0, quality),
            reason=reason,
            rejected=best.nearest.person_id if best.nearest and reason is Reason.REJECTED_BEFORE else None,
            judge=best.judge,
        )

    def _assurance(self, leader: str | None, votes: int, margin: float, quality: float) -> Assurance:
        rules = self.rules
        sure = votes >= rules.medium_looks and margin >= rules.medium_margin and quality >= rules.medium_quality
        return Assurance.MEDIUM if leader is not None and sure else Assurance.LOW


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
