"""Before somebody new is kept: whom of the enrolled they could be confused with, and whether they are them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Candidate

NEAR = 0.10
"""A score that is at most this far below the threshold is near."""


@dataclass(frozen=True, slots=True)
class Likenesses:
    """What the recognizer says of several faces of one person; only what at least half of them say counts.

    `double` is somebody else whom they show clearly, `alike` who else comes near, each with the highest score, highest
    first. `stranger` tells whether they are not near the person themselves.
    """

    double: Candidate | None
    alike: tuple[Candidate, ...]
    stranger: bool


def likenesses(answers: Sequence[Answer], rules: DecisionRules, person_id: str | None) -> Likenesses:
    """Sum up the answers to all faces of a person, who has the id `person_id` if they are enrolled already."""
    clear: Counter[str] = Counter()
    near: Counter[str] = Counter()
    best: dict[str, Candidate] = {}
    for answer in answers:
        threshold = (answer.judge.rules if answer.judge else rules).threshold
        own = max((one.score for one in answer.candidates if one.person_id == person_id), default=0.0)
        for one in answer.candidates:
            near[one.person_id] += one.score >= threshold - NEAR
            clear[one.person_id] += one.score >= threshold and one.score > own
            best[one.person_id] = max(one, best.get(one.person_id, one), key=_score)
    half = max(1, (len(answers) + 1) // 2)
    doubles = [key for key, times in clear.most_common() if times >= half and key != person_id]
    alike = [one for key, one in best.items() if near[key] >= half and key != person_id]
    return Likenesses(
        double=max((best[key] for key in doubles if clear[key] == clear[doubles[0]]), key=_score, default=None),
        alike=tuple(sorted(alike, key=_score, reverse=True)),
        stranger=person_id is None or near[person_id] < half,
    )


def _score(one: Candidate) -> float:
    return one.score


def one_person(scores: Sequence[float], rules: DecisionRules) -> bool:
    """Whether a face is of the person of the faces before, by its scores against them."""
    return not scores or median(scores) >= rules.threshold - NEAR
