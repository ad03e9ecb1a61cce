"""Unknown people who come again, from embeddings alone."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.values import answer
from uSense.core.judging import DecisionRules
from uSense.core.models import Candidate, Embedding, Metric
from uSense.core.visitors import DAY, MOST_EVENTS, MOST_FACES, Book, Glimpse, Met, VisitorRules, doubtful, likeness
from uSense.core.voting import Reason, Vote

BAR = 0.54
RULES = VisitorRules(stricter=0.04, apart=60.0, keep_days=14.0, quality=0.4, most=3)


def glimpse(*numbers: float, quality: float = 0.8, model: str = "net") -> Glimpse:
    """A look with an embedding that begins with these numbers."""
    vector = np.zeros(4, np.float32)
    vector[: len(numbers)] = numbers
    return Glimpse(Embedding(model, Metric.EUCLIDEAN, vector), quality)


class Days:
    """Tracks one after the other, each with the looks given and called unknown at the last one."""

    def __init__(self, rules: VisitorRules = RULES) -> None:
        self.book = Book(rules)
        self.now = 0.0
        self.numbers = itertools.count()

    def visit(self, *looks: Glimpse | None, away: float = 100.0) -> Met | None:
        """One track; whom it was told as, or got the id at its end."""
        self.now += away
        track = f"t{next(self.numbers)}"
        for look in looks:
            self.book.look(track, "hall", self.now, look)
        met = self.book.unknown(track, f"e {track}", BAR)
        _, late = self.book.ended(track, f"v {track}", BAR)
        return met or late

    @property
    def minted(self) -> list[str]:
        """Ids of the visitors."""
        return [one.visitor_id for one in self.book.visitors.values() if one.minted]


def test_the_second_visit_mints() -> None:
    """Once is a candidate, twice a visitor; from then on the same id."""
    days = Days()

    first, second, third = (days.visit(glimpse(0.1 * number)) for number in range(3))

    assert first is None
    assert second is not None
    assert third is not None
    assert (second.new, third.new, second.visitor) == (True, False, third.visitor)
    assert (third.visitor.sightings, third.visitor.cameras) == (3, ("hall",))
    assert third.visitor.event_ids == ("e t0", "e t1", "e t2")


@pytest.mark.parametrize(
    ("begun", "comes_again"), [(1059.0, False), (1060.0, True), (1001.0, False), (900.0, False), (1000.0 - DAY, True)]
)
def test_what_is_another_visit(begun: float, *, comes_again: bool) -> None:
    """One that begins later than the last ended by the pause; not one on another camera at the same time."""
    days = Days()
    days.book.look("a", "hall", 990.0, glimpse(0.0))
    days.book.look("b", "door", begun, glimpse(0.0))
    days.book.look("a", "hall", 1000.0, glimpse(0.0))
    days.book.unknown("a", "e1", BAR)
    days.book.ended("a", "v1", BAR)

    met = days.book.unknown("b", "e2", BAR)
    _, late = days.book.ended("b", "v2", BAR)

    assert ((met or late) is not None) is comes_again
    assert days.book.visitors["v1"].cameras == ("hall", "door")


@pytest.mark.parametrize(
    ("distance", "known", "people"),
    [(0.44, True, 1), (0.48, False, 1), (0.53, False, 1), (0.60, False, 2)],
)
def test_who_is_as_like_a_visitor_as_unlike_is_nobody(distance: float, *, known: bool, people: int) -> None:
    """At the bar it is the visitor, well below it somebody else, in between neither: nobody gets a second id."""
    days = Days()
    days.visit(glimpse(0.0))

    met = days.visit(glimpse(distance))

    assert (met is not None) is known
    assert len(days.book.visitors) == people


def test_a_track_that_goes_over_to_somebody_else_makes_no_visitor_of_two() -> None:
    """It gives nobody, and gets no id: two strangers never get one."""
    days = Days()
    for _ in range(2):
        assert days.visit(*[glimpse(0.0, quality=0.9)] * 4, glimpse(0.8, quality=0.8)) is None
        assert days.book.visitors == {}
    days.visit(glimpse(0.8))

    assert days.visit(glimpse(0.8), glimpse(0.0), away=1000.0) is None
    met = days.visit(glimpse(0.8))

    assert met is not None
    assert (met.visitor.sightings, len(met.visitor.faces)) == (2, 1)


def test_poor_looks_count_for_nothing() -> None:
    """Who was never seen well is no candidate."""
    days = Days()

    days.visit(glimpse(0.0, quality=0.39), glimpse(0.0, quality=0.2))

    assert days.book.visitors == {}


def test_one_doubtful_look_is_enough() -> None:
    """A track of which one look may be somebody enrolled gives nothing, before and after that look."""
    days = Days()

    days.visit(glimpse(0.0), None, glimpse(0.0))

    assert days.book.visitors == {}


def test_a_doubtful_look_after_the_id_was_told_keeps_the_visitor_but_feeds_nothing() -> None:
    """The id stays, the track's faces are not kept."""
    days = Days()
    days.visit(glimpse(0.0))
    days.book.look("t", "hall", 500.0, glimpse(0.3))
    met = days.book.unknown("t", "e", BAR)
    days.book.look("t", "hall", 501.0, None)

    commit, late = days.book.ended("t", "v", BAR)

    assert met is not None
    assert met.new
    assert late is None
    assert commit is not None
    assert (commit.new, commit.left, len(commit.visitor.faces)) == (frozenset(), frozenset(), 1)


def test_who_was_told_with_an_id_and_is_enrolled_leaves_the_events() -> None:
    """The event of somebody who turned out to be enrolled is not among those of the visitor."""
    days = Days()
    days.visit(glimpse(0.0))
    days.visit(glimpse(0.0))
    days.book.look("t", "hall", 900.0, glimpse(0.0))
    met = days.book.unknown("t", "wrong", BAR)
    assert met is not None

    assert days.book.recognized("t") == []
    assert days.book.ended("t", "v", BAR) == (None, None)

    assert met.visitor.event_ids == ("e t0", "e t1")


def test_embeddings_of_two_models_are_never_compared() -> None:
    """After a change of the model everybody is new."""
    days = Days()
    days.visit(glimpse(0.0))

    assert days.visit(glimpse(0.0, model="other")) is None
    assert likeness(glimpse(0.0).embedding, glimpse(0.0, model="other").embedding) == -math.inf


def test_faces_are_few_and_different() -> None:
    """At most eight are kept; the same view is kept once, the better one."""
    days = Days()
    for number in range(30):
        days.visit(glimpse(0.0, 0.14 * (number % 3), 0.14 * (number // 3 % 3), 0.12 * (number // 9)))
    (visitor,) = days.book.visitors.values()

    assert len(visitor.faces) == MOST_FACES
    assert len(set(visitor.faces)) == MOST_FACES
    new, left = visitor.take([Glimpse(next(iter(visitor.faces.values())).embedding, 0.99)])
    assert len(new) == len(left) == 1
    assert visitor.take([Glimpse(next(iter(visitor.faces.values())).embedding, 0.1)]) == (set(), set())


def test_events_are_bounded() -> None:
    """Of somebody who comes all the time the latest events are remembered."""
    days = Days()
    for _ in range(MOST_EVENTS + 5):
        days.visit(glimpse(0.0))

    (visitor,) = days.book.visitors.values()
    assert len(visitor.event_ids) == MOST_EVENTS
    assert visitor.event_ids[-1] == f"e t{MOST_EVENTS + 4}"


def test_expiry() -> None:
    """A candidate after two days, a visitor after `keep_days`."""
    days = Days()
    days.visit(glimpse(0.0))
    days.visit(glimpse(0.0))
    days.visit(glimpse(3.0))

    assert [gone.minted for gone in days.book.expired(days.now + 1.9 * DAY)] == []
    assert [gone.minted for gone in days.book.expired(days.now + 2.1 * DAY)] == [False]
    assert [gone.minted for gone in days.book.expired(days.now + 14.1 * DAY)] == [True]
    assert days.book.visitors == {}


def test_candidates_do_not_push_visitors_out() -> None:
    """There is room for as many candidates as visitors, each kind by itself."""
    days = Days()
    days.visit(glimpse(0.0))
    days.visit(glimpse(0.0))
    for number in range(5):
        days.visit(glimpse(10.0 + 3 * number))

    gone = days.book.crowded()

    assert [one.visitor_id for one in gone] == ["v t3", "v t2"]
    assert days.minted == ["v t0"]


@pytest.mark.parametrize(
    ("score", "second", "minted_stays", "candidate_stays"),
    [(0.7, 0.2, False, False), (0.6, 0.58, True, False), (0.45, 0.2, True, False), (0.3, 0.2, True, True)],
)
def test_who_is_enrolled_by_now_is_no_visitor(
    score: float, second: float, *, minted_stays: bool, candidate_stays: bool
) -> None:
    """Visitors who clearly are somebody leave, and candidates who may be."""
    days = Days()
    days.visit(glimpse(0.0))
    days.visit(glimpse(0.0))
    days.visit(glimpse(9.0))
    answers = {one: answer(("anna", score), ("bea", second)) for one in days.book.visitors} | {"gone": answer()}

    days.book.enrolled(answers, DecisionRules(threshold=0.5, margin=0.05))

    stays = {one.minted for one in days.book.visitors.values()}
    assert stays == {kind for kind, there in ((True, minted_stays), (False, candidate_stays)) if there}


@pytest.mark.parametrize(
    ("vote", "expected"),
    [
        (Vote(Candidate("a", "A", 0.7), Reason.AGREED, 0.7, 0.1, 0.8), True),
        (Vote(None, Reason.BETWEEN_TWO, 0.6, 0.59, 0.8), True),
        (Vote(None, Reason.REJECTED_BEFORE, 0.6, 0.2, 0.8), True),
        (Vote(None, Reason.BELOW_THRESHOLD, 0.41, 0.2, 0.8), True),
        (Vote(None, Reason.BELOW_THRESHOLD, 0.39, 0.2, 0.8), False),
        (Vote(None, Reason.NOBODY_ENROLLED, None, None, 0.8), False),
    ],
)
def test_what_is_doubtful(vote: Vote, *, expected: bool) -> None:
    """A name, two names, a rejected one, or a score a little below the threshold."""
    assert doubtful(vote, DecisionRules(threshold=0.5), 0.10) is expected


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.0, 200.0), st.booleans()), max_size=60))
def test_people_who_differ_never_share_an_id(visits: list[tuple[int, float, bool]]) -> None:
    """Whoever comes in whatever order: nobody gets another's id, and the book stays within its bounds."""
    days = Days()
    owners: dict[str, int] = {}
    seen: set[int] = set()
    for who, away, sure in visits:
        met = days.visit(glimpse(3.0 * who, 0.01 * len(seen)), *([] if sure else [None]), away=away)
        days.book.crowded()
        if met is not None:
            assert owners.setdefault(met.visitor.visitor_id, who) == who
            assert who in seen
        if sure:
            seen.add(who)
    assert len(days.minted) <= RULES.most
    assert len(days.book.visitors) <= 2 * RULES.most
    assert days.book.tracks() == []


def test_two_visitors_become_one() -> None:
    """Visits, cameras, events and the most different faces of both are the second's; the first is gone."""
    days = Days()
    for number in (0.0, 0.02, 2.0, 2.02):
        days.visit(glimpse(number))
    into, gone = days.book.visitors.values()
    gone.cameras = ("door",)

    commit = days.book.merge(gone, into)

    assert list(days.book.visitors.values()) == [into]
    assert (into.sightings, into.cameras) == (4, ("hall", "door"))
    assert (into.first_seen_at, into.last_seen_at) == (100.0, 400.0)
    assert into.event_ids == ("e t0", "e t1", "e t2", "e t3")
    assert commit.visitor is into
    assert {float(into.faces[number].embedding.vector[0]) for number in commit.new} == {2.0}


def test_a_track_of_a_visitor_who_was_another_is_the_others() -> None:
    """Also if it was the visit that minted the first: should it be somebody enrolled, the other stays."""
    days = Days()
    for number in (0.0, 0.02, 2.0):
        days.visit(glimpse(number))
    days.book.look("now", "hall", 1000.0, glimpse(2.0))
    met = days.book.unknown("now", "e now", BAR)
    assert met is not None
    (into,) = (one for one in days.book.visitors.values() if one is not met.visitor)

    days.book.merge(met.visitor, into)

    assert days.book.visitor("now") is into
    assert days.book.recognized("now") == []
    assert list(days.book.visitors.values()) == [into]
    assert "e now" not in into.event_ids
