"""What is counted, and what the counts say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.support.values import GOOD
from uSense.core.evaluation import BINS, Outcome, Rate, Tally, tallied
from uSense.core.judging import DecisionRules
from uSense.core.matching import Metric
from uSense.core.models import Answer, Candidate, Quality
from uSense.core.quality import gate
from uSense.core.trials import Look, Protocol, Trials
from uSense.core.voting import judge

NAMES = ("Anna", "Bert", "Cleo")
BAD = replace(GOOD, size=10.0)
DIM = replace(GOOD, value=0.3)


def look(photo: str = "photo", quality: Quality = GOOD) -> Look:
    """A look whose vector nobody asks for."""
    return Look(photo, np.zeros((1, 2), np.float32), quality)


def tally(*scores: tuple[float, ...], own: int | None = 0, looks: list[Look] | None = None) -> Tally:
    """The tally of looks at Anna (or at a stranger) with these scores."""
    made = Tally()
    person = "Stranger" if own is None else NAMES[own]
    made.add(Trials(person, looks or [look() for _ in scores], NAMES, np.asarray(scores, np.float32), own))
    return made


@pytest.mark.parametrize(
    ("scores", "quality", "right", "wrong", "missed", "named"),
    [
        ((0.6, 0.3, 0.1), GOOD, 1, 0, "", 0),
        ((0.4, 0.6, 0.1), GOOD, 0, 1, "", 1),
        ((0.6, 0.58, 0.1), GOOD, 0, 0, "between_two", 1),
        ((0.6, 0.58, 0.57), GOOD, 0, 0, "between_two", 0),
        ((0.45, 0.3, 0.1), GOOD, 0, 0, "below_threshold", 0),
        ((0.52, 0.3, 0.1), DIM, 0, 0, "unclear", 0),
        ((0.9, 0.8, 0.1), BAD, 0, 0, "too_small", 0),
        ((0.5, 0.3, 0.1), GOOD, 1, 0, "", 0),
    ],
)
def test_a_look_counts_as_known_and_as_a_stranger(
    scores: tuple[float, ...], quality: Quality, right: int, wrong: int, missed: str, named: int
) -> None:
    """The rules of the product decide twice: with the own person in the gallery, and without."""
    made = tally(scores, looks=[look(quality=quality)])

    assert (made.probes.total(), made.strangers.total()) == (1, 1)
    assert (made.right.total(), made.wrong.total(), made.named.total()) == (right, wrong, named)
    assert dict(made.misses) == ({missed: 1} if missed else {})


def test_a_stranger_is_never_known() -> None:
    """There are no known trials of somebody without a column, nor of somebody whose only face was left out."""
    stranger = tally((0.6, 0.3, 0.1), own=None)
    alone = tally((-np.inf, 0.3, 0.1))

    assert (stranger.probes.total(), stranger.named) == (0, Counter({"Stranger": 1}))
    assert (alone.probes.total(), alone.strangers.total(), alone.genuine.sum()) == (0, 1, 0)


def test_nobody_enrolled_names_nobody() -> None:
    """A gallery without people, or of the one person who is asked about, has no answer for strangers."""
    empty = Tally()
    empty.add(Trials("Anna", [look()], (), np.empty((1, 0), np.float32), None))
    only = Tally()
    only.add(Trials("Anna", [look()], ("Anna",), np.asarray([[0.9]], np.float32), 0))

    assert (empty.strangers.total(), empty.named.total(), empty.pairs()) == (1, 0, [])
    assert (only.right.total(), only.named.total(), only.pairs()) == (1, 0, [])


def test_single_comparisons_are_counted_apart() -> None:
    """Genuine below, impostors at or above the threshold are the errors; refused looks are none."""
    made = tally((0.6, 0.5, 0.1), (0.4, 0.2, 0.1), (0.9, 0.9, 0.9), looks=[look(), look(), look(quality=BAD)])
    point = made.point(0.5)

    assert (made.genuine.sum(), made.impostor.sum()) == (2, 4)
    assert (point.fnmr, point.fmr) == (0.5, 0.25)


def test_the_people_most_alike_come_first() -> None:
    """In either direction, with the looks that got the other's name."""
    made = tally((0.4, 0.6, 0.1), (0.6, 0.3, 0.2))
    made.add(Trials("Bert", [look()], NAMES, np.asarray([[0.45, 0.9, 0.3]], np.float32), 1))

    pairs = made.pairs()

    assert [(pair.a, pair.b, pair.named) for pair in pairs] == [
        ("Anna", "Bert", 2),
        ("Bert", "Cleo", 0),
        ("Anna", "Cleo", 0),
    ]
    assert pairs[0].score == pytest.approx(0.6)
    assert made.pairs(1) == pairs[:1]


def test_photos_unlike_the_others_are_found() -> None:
    """By the mean score against their own person, the worst first."""
    photos = [look("good"), look("odd"), look("odd"), look("worst")]
    made = tally((0.6, 0, 0), (0.3, 0, 0), (0.4, 0, 0), (0.1, 0, 0), looks=photos)

    assert [(one.photo, one.trials, one.right, round(one.score, 2)) for one in made.weak()] == [
        ("worst", 1, 0, 0.1),
        ("odd", 2, 0, 0.35),
    ]


def test_a_rate_says_how_sure_it_is() -> None:
    """Equal people leave no doubt, different ones do, and of nothing there is no rate."""
    of = Counter({"Anna": 10, "Bert": 10})

    assert Tally().rate(Counter(), Counter()) is None
    assert Tally().rate(of, of) == Rate(1.0, 1.0, 1.0)
    assert Tally().rate(Counter({"Anna": 10}), of) == Rate(0.5, 0.0, 1.0)


@given(
    table=arrays.arrays(np.float32, (6, 3), elements=st.floats(-1, 1, width=32)),
    values=st.lists(st.floats(0, 1), min_size=6, max_size=6),
    threshold=st.integers(30, 90),
)
def test_a_point_is_what_the_rule_would_decide(table: np.ndarray, values: list[float], threshold: int) -> None:
    """For every threshold the counts are those of judging each look anew under it."""
    table = np.round(table, 2)
    looks = [look(str(at), replace(GOOD, value=round(value, 2))) for at, value in enumerate(values)]
    made = tally(*map(tuple, table), looks=looks)
    rules = DecisionRules(threshold=threshold / 100)
    counts: Counter[Outcome] = Counter()
    for row, one in zip(table, looks, strict=True):
        for own in (True, False):
            order = [at for at in np.argsort(-row, kind="stable").tolist() if own or at != 0]
            best = tuple(Candidate(NAMES[at], NAMES[at], float(row[at])) for at in order[:2])
            doubt = rules.doubt * max(0.0, rules.clear - one.quality.value)
            near = (
                abs(best[0].score - doubt - rules.threshold) < 1e-4 or abs(best[0].score - best[1].score - 0.05) < 1e-4
            )
            if near or gate(one.quality, made.quality):
                return
            named = judge(Answer(best, 0), one.quality, rules).person_id
            outcome = Outcome.STRANGER if not own else Outcome.RIGHT if named == "Anna" else Outcome.WRONG
            counts[outcome] += named is not None

    assert {outcome: made.reaching(outcome, rules.threshold) for outcome in Outcome} == {
        outcome: counts[outcome] for outcome in Outcome
    }


@given(table=arrays.arrays(np.float32, (4, 3), elements=st.floats(width=32)))
def test_no_numbers_are_too_odd_to_be_counted(table: np.ndarray) -> None:
    """Scores far outside of everything, infinite or no numbers: the check after a training never fails."""
    made = tally(*map(tuple, table))

    assert made.strangers.total() == 4
    assert len(made.genuine) == BINS
    made.curve()
    made.pairs()


def test_photos_of_strangers_are_asked_about_in_every_split() -> None:
    """People are enrolled and asked about, strangers only asked about."""
    vectors = {"a1": 0.0, "a2": 0.1, "b1": 5.0, "b2": 5.1, "s1": 0.05}
    looks = {photo: Look(photo, np.asarray([[at, 0.0]], np.float32), GOOD) for photo, at in vectors.items()}
    people = {"Anna": ["a1", "a2"], "Bert": ["b1", "b2"]}

    made = tallied(people, {"Stranger": ["s1"]}, looks, Metric.EUCLIDEAN, Protocol(splits=5), Tally())

    assert made.right == Counter({"Anna": 5, "Bert": 5})
    assert made.strangers == Counter({"Anna": 5, "Bert": 5, "Stranger": 5})
    assert made.named == Counter({"Stranger": 5})
