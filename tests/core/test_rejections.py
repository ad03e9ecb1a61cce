"""Faces that are not somebody's compete with that person."""

from __future__ import annotations

import numpy as np
import pytest

from uSense.core.models import Answer, Candidate, Embedding, Metric
from uSense.core.rejections import MOST, Rejection, Rejections
from uSense.core.voting import Reason, Vote


def at(place: float, model: str = "net") -> Embedding:
    """A face at this place on a line."""
    return Embedding(model, Metric.EUCLIDEAN, np.array([place], np.float32))


def named(person_id: str, score: float) -> Vote:
    """A look that names a person."""
    return Vote(Candidate(person_id, person_id, score), Reason.AGREED, score, 0.1, 0.8, Candidate(person_id, "", score))


@pytest.mark.parametrize(
    ("score", "distance", "stays"),
    [
        (0.55, 0.1, False),
        (0.55, 0.49, False),
        (0.55, 0.51, True),
        (0.90, 0.3, True),
    ],
)
def test_whoever_is_nearer_wins(score: float, distance: float, *, stays: bool) -> None:
    """A look is nobody's if a rejected face is nearer than the person, or not further by more than the margin."""
    rejections = Rejections()
    rejections.add(Rejection("r", "anna", at(0.0)))

    vote = rejections.weighed(named("anna", score), Answer((), 1, embedding=at(distance)), 0.05)

    assert (vote.person_id == "anna") is stays
    assert vote.reason is (Reason.AGREED if stays else Reason.REJECTED_BEFORE)
    assert vote.score == score


def test_others_are_not_concerned() -> None:
    """Not other persons, other models, looks without embeddings, or looks that name nobody."""
    rejections = Rejections()
    rejections.add(Rejection("r", "anna", at(0.0)))
    nobody = Vote(None, Reason.BELOW_THRESHOLD, 0.3, 0.1, 0.8)

    for vote, face in (
        (named("bea", 0.55), at(0.0)),
        (named("anna", 0.55), at(0.0, "other")),
        (named("anna", 0.55), None),
        (nobody, at(0.0)),
    ):
        assert rejections.weighed(vote, Answer((), 1, embedding=face), 0.05) is vote


def test_few_are_kept_of_a_person_and_a_model() -> None:
    """The oldest leaves; what is read anew is all there is; one can be taken back."""
    rejections = Rejections()
    for number in range(MOST + 3):
        rejections.add(Rejection(f"r{number}", "anna", at(float(number))))
    rejections.add(Rejection("other", "anna", at(0.0, "other")))

    assert [one.rejection_id for one in rejections.kept["anna"]] == [*(f"r{n}" for n in range(3, MOST + 3)), "other"]
    rejections.remove("other")
    assert len(rejections.kept["anna"]) == MOST
    rejections.replace([Rejection("r", "bea", at(0.0))])
    assert list(rejections.kept) == ["bea"]
