"""How labelled faces become trials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.values import GOOD
from uSense.core import matching
from uSense.core.matching import Metric, Rows
from uSense.core.trials import KeptFace, Look, Protocol, asked, leave_one_out, splits

PEOPLE = {"Anna": ["a1", "a2", "a3", "a4", "a5"], "Bert": ["b1", "b2"]}


def rows(*vectors: tuple[float, ...]) -> Rows:
    """Vectors as an embedder gives them."""
    return np.asarray(vectors, np.float32)


def test_every_split_enrolls_some_photos_and_asks_about_the_others() -> None:
    """As many as the protocol says are enrolled, of those who have fewer all but one; no photo is both."""
    made = list(splits(PEOPLE, Protocol(enrolled=3, splits=7)))

    assert len(made) == 7
    for split in made:
        for person, photos in PEOPLE.items():
            assert sorted(split.enrolled[person] + split.probes[person]) == photos
        assert (len(split.enrolled["Anna"]), len(split.enrolled["Bert"])) == (3, 1)
    assert len({tuple(split.probes["Anna"]) for split in made}) > 1


def test_the_same_seed_gives_the_same_splits() -> None:
    """A measurement can be repeated, and repeated otherwise."""
    assert list(splits(PEOPLE, Protocol())) == list(splits(PEOPLE, Protocol()))
    assert list(splits(PEOPLE, Protocol())) != list(splits(PEOPLE, Protocol(seed=1)))


def test_a_person_is_asked_for_in_their_own_column() -> None:
    """Somebody whom the gallery does not know has none."""
    looks = {
        photo: Look(photo, rows((number, 0.0)), GOOD) for number, photo in enumerate([*PEOPLE["Anna"], *PEOPLE["Bert"]])
    }
    (split,) = splits(PEOPLE, Protocol(splits=1))
    gallery = split.gallery(looks, Metric.EUCLIDEAN)

    known = asked(gallery, "Bert", [looks["b1"]])
    stranger = asked(gallery, "Cleo", [looks["a1"]])

    assert (known.names, known.own) == (("Anna", "Bert"), 1)
    assert (stranger.own, stranger.table.shape) == (None, (1, 2))


def test_a_face_is_compared_with_its_person_as_they_would_be_without_it() -> None:
    """With the mean of the others; with all of everybody else; the only face of a person has no own score."""
    faces: list[KeptFace] = [
        ("a", "a1", rows((0, 0), (9, 9))),
        ("a", "a2", rows((1, 0))),
        ("a", "a3", rows((3, 0))),
        ("b", "b1", rows((0, 5))),
        ("gone", "g1", rows((7, 7))),
    ]
    gallery = matching.build(Metric.EUCLIDEAN, [("a", "Anna"), ("b", "Bert")], [(one, last) for one, _, last in faces])

    made = {trials.person: trials for trials in leave_one_out(gallery, faces, 100)}

    assert set(made) == {"Anna", "Bert"}
    assert [look.photo for look in made["Anna"].looks] == ["a1", "a2", "a3"]
    assert made["Anna"].table[0].tolist() == [pytest.approx(-1.0), pytest.approx(-4.0)]
    assert made["Bert"].table[0][1] == -np.inf
    assert made["Bert"].looks[0].vector.tolist() == [0, 5]


@given(count=st.integers(0, 60), most=st.integers(0, 80))
def test_of_many_faces_a_sample_is_left_out(count: int, most: int) -> None:
    """All if there are no more than allowed, else about as many, each at most once and with its own person's name."""
    faces: list[KeptFace] = [(f"p{number % 7}", f"f{number}", rows((number, 1.0))) for number in range(count)]
    persons = [(f"p{number}", f"Name {number}") for number in range(7)]
    gallery = matching.build(Metric.COSINE, persons, [(person, vectors) for person, _, vectors in faces])

    looked = [(trials.person, look.photo) for trials in leave_one_out(gallery, faces, most) for look in trials.looks]

    assert len(set(looked)) == len(looked)
    assert set(looked) <= {(f"Name {number % 7}", f"f{number}") for number in range(count)}
    assert len(looked) == count if most >= count else len(looked) <= count
