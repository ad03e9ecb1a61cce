"""What would help to know somebody better."""

from __future__ import annotations

import pytest

from uSense.core.models import ConfusablePair, Person, Quality, Training, TriedFace, WeakFace
from uSense.core.tips import Closeness, Need, Neighbor, Recall, hardest, needs, neighbor, odd_faces, recall


def photo(value: float = 0.9, turned: float | None = 0.0) -> Quality:
    """A kept photo."""
    return Quality(value, 100.0, 0.5, 0.5, turned)


FRONTAL, SIDE, VARIED = [photo()] * 4, photo(turned=0.4), [*[photo()] * 3, photo(turned=0.4)]
TRAINED = Person("p", "Anna", face_ids=("f1",), trained=True)


@pytest.mark.parametrize(
    ("person", "photos", "expected"),
    [
        (Person("p", "Anna"), [], [Need.FIRST]),
        (TRAINED, VARIED, []),
        (TRAINED, FRONTAL, [Need.FROM_ASIDE]),
        (TRAINED, [photo()], [Need.MORE]),
        (TRAINED, [photo(0.3)] * 9, [Need.CLEARER]),
        (TRAINED, [None] * 4, []),
        (TRAINED, [None], [Need.MORE]),
        (TRAINED, [photo(turned=None)] * 4, []),
        (Person("p", "Anna", face_ids=("f1",)), VARIED, [Need.TRAINING]),
        (Person("p", "Anna", face_ids=("f1",), enroll_again=True), VARIED, [Need.AGAIN]),
        (Person("p", "Bea", face_ids=("f1",), trained=True), VARIED, [Need.ODD]),
        (Person("p", "Bea", face_ids=("f9",), trained=True), VARIED, []),
    ],
)
def test_what_helps_a_person(person: Person, photos: list[Quality | None], expected: list[Need]) -> None:
    """The most urgent first; nothing of faces that are gone since the training."""
    report = Training("succeeded", weak=(WeakFace("Bea", "f1", 0.2), WeakFace("Carl", "f1", 0.1)))

    assert needs(person, photos, report) == expected


def test_how_well_somebody_is_known_by_their_own_photos() -> None:
    """Photos that are still there count, no others; nothing is told of what was not asked."""
    tried = [("Anna", "f1", True), ("Anna", "f2", False), ("Anna", "gone", True), ("Bea", "f3", True)]
    report = Training("succeeded", tried=tuple(TriedFace(*one) for one in tried))

    assert recall(report, Person("p", "Anna", face_ids=("f1", "f2", "new"))) == Recall(asked=2, right=1)
    assert recall(report, Person("q", "Carl", face_ids=("f4",))) is None


def test_faces_that_are_unlike_the_others_of_their_person() -> None:
    """With how like they are."""
    assert odd_faces(Training("succeeded", weak=(WeakFace("Bea", "f1", 0.2),)), "Bea") == {"f1": 0.2}


@pytest.mark.parametrize(
    ("score", "closeness"),
    [(0.5, Closeness.MIXED), (0.49, Closeness.NEAR), (0.4, Closeness.NEAR), (0.39, Closeness.APART)],
)
def test_who_is_hardest_to_tell_apart(score: float, closeness: Closeness) -> None:
    """The pair with the highest score of those who are still there."""
    pairs = (ConfusablePair("Anna", "Bea", score), ConfusablePair("Anna", "Carl", 0.1), ConfusablePair("Bea", "X", 0.9))

    found = hardest(Training("succeeded", confusable=pairs), 0.5, {"Anna": VARIED, "Bea": VARIED, "Carl": []})

    assert found is not None
    assert (found.pair, found.closeness, found.need) == (pairs[0], closeness, Need.FROM_CAMERA)


@pytest.mark.parametrize(
    ("anna", "bea", "who", "need"),
    [
        (VARIED, FRONTAL, "Bea", Need.FROM_ASIDE),
        (VARIED, [photo()], "Bea", Need.MORE),
        ([photo(0.2)], [photo()], "Anna", Need.CLEARER),
        ([photo(), photo()], [photo()], "Bea", Need.MORE),
        ([*VARIED, SIDE], VARIED, "Bea", Need.FROM_CAMERA),
    ],
)
def test_whose_photo_would_help_most(anna: list[Quality], bea: list[Quality], who: str, need: Need) -> None:
    """Of the two the one whose photos lack more, or of whom there are fewer."""
    report = Training("succeeded", confusable=(ConfusablePair("Anna", "Bea", 0.6),))

    found = hardest(report, 0.5, {"Anna": anna, "Bea": bea})

    assert found is not None
    assert (found.who, found.need) == (who, need)


@pytest.mark.parametrize(("odd", "who"), [({"Anna"}, "Anna"), ({"Bea"}, "Bea"), ({"Anna", "Bea"}, "Bea")])
def test_a_photo_that_may_be_somebody_elses_comes_first(odd: set[str], who: str) -> None:
    """More photos would not help before that is mended."""
    report = Training("succeeded", confusable=(ConfusablePair("Anna", "Bea", 0.6),))

    found = hardest(report, 0.5, {"Anna": [photo(), photo()], "Bea": [photo()]}, odd)

    assert found is not None
    assert (found.who, found.need) == (who, Need.ODD)
    assert {found.who, found.other} == {"Anna", "Bea"}


def test_who_is_most_like_somebody() -> None:
    """The other of the pair with the highest score that they are in."""
    pairs = (ConfusablePair("Anna", "Bea", 0.3), ConfusablePair("Carl", "Anna", 0.45), ConfusablePair("Bea", "X", 0.9))
    report = Training("succeeded", confusable=pairs)

    assert neighbor(report, 0.5, "Anna") == Neighbor("Carl", 0.45, Closeness.NEAR)
    assert neighbor(report, 0.5, "Dora") is None


def test_nobody_is_hard_to_tell_apart_alone() -> None:
    """Without a pair there is nothing to say."""
    assert hardest(Training("never"), 0.5, {"Anna": []}) is None
