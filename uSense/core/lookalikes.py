"""Before somebody new is kept: whom of the enrolled they could be confused with, and whether they are them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Candidate

NEAR = 0.10
"""A score that is less than this below the threshold is worth a word."""


@dataclass(frozen=True, slots=True)
class Likenesses:
    """What the recognizer says of several faces of one person.

    `double` is somebody else whom most of the faces show clearly, `alike` who else comes near, each with the highest
    score, highest first. `own` is the highest score of the person themselves, None if they were not among the nearest.
    """

    double: Candidate | None
    alike: tuple[Candidate, ...]
    own: float | None


def likenesses(answers: Sequence[Answer], rules: DecisionRules, person_id: str | None) -> Likenesses:
    """Sum up the answers to all faces of a person, who has the id `person_id` if they are enrolled already."""
    clear: dict[str, int] = {}
    best: dict[str, Candidate] = {}
    own: float | None = None
    nearest: dict[str, float] = {}
    for answer in answers:
        judged_by = answer.judge.rules if answer.judge else rules
        mine = max((one.score for one in answer.candidates if one.person_id == person_id), default=None)
        own = mine if own is None else max(own, mine or own)
        for other in answer.candidates:
            if other.person_id == person_id:
                continue
            above = other.score - judged_by.threshold
            if above >= 0.0 and other.score > (mine or 0.0):
                clear[other.person_id] = clear.get(other.person_id, 0) + 1
            if above >= -NEAR and above > nearest.get(other.person_id, -NEAR - 1.0):
                nearest[other.person_id], best[other.person_id] = above, other
    double = _most(clear, best, len(answers))
    ranked = sorted(best.values(), key=lambda one: -one.score)
    return Likenesses(double, tuple(ranked), own)


def one_person(scores: Sequence[float], rules: DecisionRules) -> bool:
    """Whether a face is of the person of the faces before, by its scores against them.

    Photos of one person on different days fall short of this in 2 of 100 pairs, those of two people reach it in 3 of
    1000 (docs/recognition.md).
    """
    return not scores or median(scores) >= rules.threshold - NEAR


def is_stranger(found: Likenesses, rules: DecisionRules) -> bool:
    """Whether the faces are far from those that the person has already, which the recognizer knows."""
    return found.own is None or found.own < rules.threshold - NEAR


def _most(clear: Mapping[str, int], best: Mapping[str, Candidate], faces: int) -> Candidate | None:
    """Who was seen clearly in at least half of the faces, most often."""
    person_id = max(clear, key=lambda one: (clear[one], best[one].score), default=None)
    return best[person_id] if person_id is not None and 2 * clear[person_id] >= faces else None
