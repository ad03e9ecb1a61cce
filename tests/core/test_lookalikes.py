"""Whom somebody new could be confused with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.values import answer
from uSense.core.judging import DecisionRules, Judge
from uSense.core.lookalikes import likenesses, one_person
from uSense.core.models import Answer

RULES = DecisionRules(threshold=0.5)
NOBODY = answer(("Anna", 0.2), ("Bea", 0.1))
ANNA = answer(("Anna", 0.7), ("Bea", 0.1))
NEARLY = answer(("Anna", 0.45), ("Bea", 0.1))
BOTH = answer(("Anna", 0.7), ("Bea", 0.69))


@pytest.mark.parametrize(
    ("answers", "person_id", "double", "alike"),
    [
        ([], None, None, []),
        ([NOBODY] * 6, None, None, []),
        ([Answer((), 0)] * 6, None, None, []),
        ([NEARLY] * 6, None, None, ["Anna"]),
        ([ANNA] * 6, None, "Anna", ["Anna"]),
        ([ANNA] * 3 + [NOBODY] * 3, None, "Anna", ["Anna"]),
        ([ANNA] * 2 + [NOBODY] * 4, None, None, []),
        ([ANNA] * 2 + [NEARLY] + [NOBODY] * 3, None, None, ["Anna"]),
        ([BOTH] * 6, None, "Anna", ["Anna", "Bea"]),
        ([ANNA] * 6, "Anna", None, []),
        ([BOTH] * 6, "Anna", None, ["Bea"]),
        ([BOTH] * 6, "Bea", "Anna", ["Anna"]),
        ([BOTH] * 6, "Clara", "Anna", ["Anna", "Bea"]),
    ],
)
def test_who_looks_like_somebody_enrolled_is_named(
    answers: list[Answer], person_id: str | None, double: str | None, alike: list[str]
) -> None:
    """In half of the faces clearly: a double; near: alike; never the person themselves."""
    found = likenesses(answers, RULES, person_id)

    assert (found.double and found.double.name) == double
    assert [one.name for one in found.alike] == alike


@pytest.mark.parametrize(
    ("person_id", "answers", "stranger"),
    [
        ("Anna", [NEARLY], False),
        ("Anna", [NOBODY], True),
        ("Clara", [ANNA], True),
        ("Anna", [NOBODY, ANNA], False),
        ("Anna", [NOBODY, NOBODY, ANNA], True),
    ],
)
def test_who_does_not_look_like_themselves_is_a_stranger(person_id: str, answers: list[Answer], stranger: bool) -> None:  # noqa: FBT001 - a column
    """If less than half of the faces come near the person whose name was given."""
    assert likenesses(answers, RULES, person_id).stranger == stranger


def test_scores_count_on_the_scale_of_who_gave_them() -> None:
    """A stand-in's scores are measured with its own threshold."""
    stand_in = Judge("local", "x", DecisionRules(threshold=0.9))

    found = likenesses([replace(ANNA, judge=stand_in)] * 6, RULES, None)

    assert (found.double, found.alike) == (None, ())


@pytest.mark.parametrize(
    ("scores", "same"),
    [([], True), ([0.41], True), ([0.39], False), ([0.3, 0.5, 0.6], True), ([0.3, 0.35, 0.6], False)],
)
def test_faces_of_one_person_are_like_most_of_each_other(scores: list[float], same: bool) -> None:  # noqa: FBT001 - a column
    """The first of them is always of one person."""
    assert one_person(scores, RULES) == same
