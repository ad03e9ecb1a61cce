"""Open-set matching."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from uSense.core import matching
from uSense.core.matching import Gallery, Metric, Rows

PEOPLE = [("a", "Anna"), ("b", "Bert"), ("c", "Cleo")]


def rows(*vectors: tuple[float, ...]) -> Rows:
    """Vectors as an embedder gives them."""
    return np.asarray(vectors, np.float32)


FACES = [
    ("a", rows((0, 0), (0, 0.2))),
    ("a", rows((0.2, 0.1))),
    ("b", rows((1, 0))),
]
GALLERY = matching.build(Metric.EUCLIDEAN, PEOPLE, FACES)


def test_a_person_is_the_mean_of_their_faces() -> None:
    """Every face counts once, however many renderings it has; people without faces are left out."""
    assert GALLERY.person_ids == ("a", "b")
    assert GALLERY.names == ("Anna", "Bert")
    assert GALLERY.vectors.tolist() == [pytest.approx([0.1, 0.1]), [1.0, 0.0]]
    assert GALLERY.vectors.dtype == np.float32


def test_faces_of_nobody_are_ignored() -> None:
    """A face whose person was deleted meanwhile does no harm."""
    gallery = matching.build(Metric.EUCLIDEAN, PEOPLE, [*FACES, ("gone", rows((5, 5)))])

    assert gallery.person_ids == ("a", "b")


@pytest.mark.parametrize(("people", "faces"), [([], []), (PEOPLE, []), ([], FACES)])
def test_nobody_to_compare_with(people: list[tuple[str, str]], faces: list[tuple[str, Rows]]) -> None:
    """Without people or without faces the gallery is empty and nobody is ranked."""
    gallery = matching.build(Metric.COSINE, people, faces)

    assert gallery.person_ids == ()
    assert matching.rank(gallery, rows((1, 2), (3, 4))) == [(), ()]


def test_the_two_best_are_ranked() -> None:
    """Best first, with scores of 1 minus the distance."""
    gallery = matching.build(Metric.EUCLIDEAN, PEOPLE, [*FACES, ("c", rows((0, 5)))])
    ((first, second),) = matching.rank(gallery, rows((0.1, 0.1)))

    assert (first.person_id, first.name) == ("a", "Anna")
    assert first.score == pytest.approx(1.0, abs=1e-3)
    assert second.person_id == "b"
    assert second.score == pytest.approx(1 - np.hypot(0.9, 0.1), abs=1e-6)


def test_one_person_has_no_runner_up() -> None:
    """With one person enrolled there is one candidate."""
    gallery = matching.build(Metric.EUCLIDEAN, PEOPLE[:1], FACES[:1])

    assert [len(candidates) for candidates in matching.rank(gallery, rows((0, 0), (9, 9)))] == [1, 1]


def test_cosine_compares_angles() -> None:
    """The length of a vector does not matter."""
    gallery = matching.build(Metric.COSINE, PEOPLE, [("a", rows((3, 0))), ("b", rows((0, 0.5)))])
    (candidates,) = matching.rank(gallery, rows((10, 10)))

    assert [candidate.score for candidate in candidates] == pytest.approx([0.7071, 0.7071], abs=1e-4)


def test_several_vectors_of_a_person_count_by_the_best() -> None:
    """A gallery may hold more than one row a person."""
    gallery = Gallery(1, Metric.EUCLIDEAN, ("a",), ("Anna",), rows((0, 0), (2, 0)), np.zeros(2, np.intp))

    assert matching.scores(gallery, rows((2, 0.5))).tolist() == [[pytest.approx(0.5)]]


def test_a_new_name_shows_at_once() -> None:
    """Renaming makes a new gallery and leaves the old one alone."""
    renamed = GALLERY.renamed("b", "Berta")

    assert renamed.names == ("Anna", "Berta")
    assert GALLERY.names == ("Anna", "Bert")
    assert GALLERY.renamed("nobody", "x").names == GALLERY.names


def test_a_person_taken_out_is_not_found_again() -> None:
    """The others keep their vectors; an unknown person changes nothing."""
    left = GALLERY.without("a")
    ((only,),) = matching.rank(left, rows((0.1, 0.1)))

    assert only.person_id == "b"
    assert left.vectors.tolist() == [[1.0, 0.0]]
    assert GALLERY.without("nobody") is GALLERY
    assert left.without("b").person_ids == ()
    assert matching.rank(left.without("b"), rows((0.1, 0.1))) == [()]


def test_a_version_number_is_given_by_storage() -> None:
    """Everything else stays."""
    assert GALLERY.numbered(7).version == 7
    assert GALLERY.numbered(7).person_ids == GALLERY.person_ids


@pytest.mark.parametrize("metric", list(Metric))
@given(
    vectors=arrays.arrays(np.float32, (4, 6), elements=st.floats(-2, 2, width=16), fill=st.nothing()).filter(
        lambda drawn: bool(np.all(np.linalg.norm(drawn, axis=1) > 0.1))
    )
)
def test_ranking_agrees_with_single_comparisons(metric: Metric, vectors: Rows) -> None:
    """The scores of `rank` are those of `score`, highest first, and as far apart as they say."""
    gallery = matching.build(metric, PEOPLE, [(name, vectors[i : i + 1]) for i, (name, _) in enumerate(PEOPLE)])
    ((best, second),) = matching.rank(gallery, vectors[3:])
    expected = sorted((matching.score(vectors[i], vectors[3], metric) for i in range(3)), reverse=True)

    assert [best.score, second.score] == pytest.approx(expected[:2], abs=3e-3)


@pytest.mark.parametrize("metric", list(Metric))
@given(
    vectors=arrays.arrays(np.float32, (12, 3), elements=st.integers(-9, 9)).map(lambda drawn: drawn + 0.5),
    owners=st.lists(st.integers(0, 4), min_size=10, max_size=10),
    block=st.integers(1, 11),
)
def test_ranking_in_blocks_agrees_with_the_scores_of_everybody(
    metric: Metric, vectors: Rows, owners: list[int], block: int
) -> None:
    """However the templates are spread over persons and blocks, the two best persons are those of the whole table."""
    places = {owner: index for index, owner in enumerate(sorted(set(owners)))}
    names = tuple(str(owner) for owner in places)
    gallery = Gallery(1, metric, names, names, vectors[:10], np.asarray([places[owner] for owner in owners]))

    with patch.object(matching, "_BLOCK", block):
        ranked = matching.rank(gallery, vectors[10:])

    for candidates, row in zip(ranked, matching.scores(gallery, vectors[10:]), strict=True):
        best = sorted(row.tolist(), reverse=True)[:2]
        assert [one.score for one in candidates] == pytest.approx(best, abs=1e-5)
        assert len({one.person_id for one in candidates}) == len(best)
        assert [float(row[names.index(one.person_id)]) for one in candidates] == pytest.approx(best, abs=1e-5)
