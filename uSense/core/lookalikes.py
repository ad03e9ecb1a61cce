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
    score, highest first. `stranger` tells whether none of the faces comes near the person themselves.
    """

    double: Candidate | None
    alike: tuple[Candidate, ...]
    stranger: bool


def likenesses(answers: Sequence[Answer], rules: DecisionRules, person_id: str | None) -> Likenesses:
    """Sum up the answers to all faces of a person, who has the id `person_id` if they are enrolled already."""
    clear: dict[str, int] = {}
    best: dict[str, Candidate] = {}
    above: dict[str | None, float] = {}
    for answer in answers:
        threshold = (answer.judge.rules if answer.judge else rules).threshold
        scores = {one.person_id: one.score for one in answer.candidates}
        for one in answer.candidates:
            if one.score - threshold > above.get(one.person_id, -1.0):
                above[one.person_id], best[one.person_id] = one.score - threshold, one
            if one.score >= threshold and one.score > scores.get(person_id or "", 0.0):
                clear[one.person_id] = clear.get(one.person_id, 0) + 1
    near = [one for key, one in best.items() if above[key] >= -NEAR and key != person_id]
    alike = tuple(sorted(near, key=lambda one: -one.score))
    return Likenesses(_most(clear, best, len(answers)), alike, above.get(person_id, -1.0) < -NEAR)


def one_person(scores: Sequence[float], rules: DecisionRules) -> bool:
    """Whether a face is of the person of the faces before, by its scores against them.

    Photos of one person on different days fall short of this in 2 of 100 pairs, those of two people reach it in 3 of
    1000 (docs/enrollment.md).
    """
    return not scores or median(scores) >= rules.threshold - NEAR


def _most(clear: Mapping[str, int], best: Mapping[str, Candidate], faces: int) -> Candidate | None:
    """Who was seen clearly in at least half of the faces, most often."""
    person_id = max(clear, key=lambda one: (clear[one], best[one].score), default=None)
    return best[person_id] if person_id is not None and 2 * clear[person_id] >= faces else None
