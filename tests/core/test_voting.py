"""From looks to a decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.values import GOOD, answer
from uSense.core.events import Assurance
from uSense.core.judging import DecisionRules, Judge
from uSense.core.models import Answer, Candidate, Quality
from uSense.core.voting import Ballot, Reason, Verdict, Vote, VotingRules, judge

DECISION = DecisionRules(threshold=0.5, margin=0.05, clear=0.5, doubt=0.25)
VOTING = VotingRules(needed=3, unknown_needed=4, window=5)


def quality(value: float) -> Quality:
    """A face of this quality."""
    return Quality(value=value, size=100.0, sharpness=0.1, brightness=0.5)


def vote(person: str | None, weight: float = 0.8, *, score: float = 0.6, runner_up: float | None = 0.2) -> Vote:
    """A look that says `person`, or unknown."""
    if person is None:
        return Vote(None, Reason.BELOW_THRESHOLD, 0.4, 0.3, weight)
    return Vote(Candidate(person, person, score), Reason.AGREED, score, runner_up, weight)


def cast(*looks: Vote, rules: VotingRules = VOTING) -> Verdict:
    """The verdict after the last of the looks."""
    ballot = Ballot(rules)
    return [ballot.cast(look) for look in looks][-1]


@pytest.mark.parametrize(
    ("given_answer", "value", "person", "reason"),
    [
        (answer(), 0.8, None, Reason.NOBODY_ENROLLED),
        (answer(("anna", 0.5)), 0.8, "anna", Reason.AGREED),
        (answer(("anna", 0.4999)), 0.8, None, Reason.BELOW_THRESHOLD),
        (answer(("anna", 0.6), ("bert", 0.5)), 0.8, "anna", Reason.AGREED),
        (answer(("anna", 0.6), ("bert", 0.56)), 0.8, None, Reason.BETWEEN_TWO),
        (answer(("anna", 0.52)), 0.5, "anna", Reason.AGREED),
        (answer(("anna", 0.52)), 0.4, None, Reason.UNCLEAR),
        (answer(("anna", 0.53)), 0.4, "anna", Reason.AGREED),
        (answer(("anna", 0.58)), 0.2, "anna", Reason.AGREED),
        (replace(answer(), floor=0.4), 0.8, None, Reason.UNLIKE_ANYBODY),
    ],
)
def test_one_look_names_a_person_or_says_why_not(
    given_answer: Answer, value: float, person: str | None, reason: Reason
) -> None:
    """Score, quality and margin must all suffice."""
    judged = judge(given_answer, quality(value), DECISION)

    assert (judged.person_id, judged.reason) == (person, reason)


def test_a_runner_up_who_is_not_named_may_be_as_near_as_the_floor() -> None:
    """Where low scores are left out, the margin is over the lowest that would have been named."""
    judged = judge(replace(answer(("anna", 0.75)), floor=0.5), GOOD, DECISION)

    assert (judged.runner_up, judged.margin) == (None, 0.25)


@pytest.mark.parametrize(("score", "person"), [(0.69, None), (0.71, "anna")])
def test_an_answer_is_judged_by_the_rules_of_who_gave_it(score: float, person: str | None) -> None:
    """Another recognizer's scores have another scale: its own threshold counts, and the verdict says whose it is."""
    azure = Judge("azure", "recognition_04", DecisionRules(threshold=0.7))
    given_answer = replace(answer(("anna", score)), judge=azure)

    verdict = cast(judge(given_answer, GOOD, DECISION), rules=VotingRules(needed=1, unknown_needed=1))

    assert (verdict.person_id, verdict.judge) == (person, azure)


def test_an_unknown_look_still_tells_the_nearest_person() -> None:
    """For the question why somebody was not recognized."""
    judged = judge(answer(("anna", 0.45), ("bert", 0.2)), GOOD, DECISION)

    assert judged.candidate is None
    assert (judged.nearest and judged.nearest.name, judged.score, judged.runner_up) == ("anna", 0.45, 0.2)
    assert judged.margin == pytest.approx(0.25)


def test_the_margin_of_the_only_person_counts_from_zero() -> None:
    """A runner-up below zero counts as zero, too; without a score there is no margin."""
    assert judge(answer(("anna", 0.6)), GOOD, DECISION).margin == pytest.approx(0.6)
    assert judge(answer(("anna", 0.6), ("bert", -0.4)), GOOD, DECISION).margin == pytest.approx(0.6)
    assert judge(answer(), GOOD, DECISION).margin is None


@given(score=st.floats(-1, 1), second=st.floats(-1, 1), value=st.floats(0, 1), more=st.floats(0, 1))
def test_a_better_picture_never_loses_a_name(score: float, second: float, value: float, more: float) -> None:
    """What suffices for a poor look suffices for a better one, and nobody below the threshold is ever named."""
    asked = answer(("anna", max(score, second)), ("bert", min(score, second)))
    poor = judge(asked, quality(value), DECISION)
    better = judge(asked, quality(min(1.0, value + more)), DECISION)

    assert poor.person_id is None or better.person_id == poor.person_id
    assert poor.person_id is None or max(score, second) >= DECISION.threshold


@pytest.mark.parametrize(
    ("looks", "decided", "person", "reason"),
    [
        ([vote("anna")] * 2, False, "anna", Reason.TOO_FEW_LOOKS),
        ([vote("anna")] * 3, True, "anna", Reason.AGREED),
        ([vote(None)] * 3, False, None, Reason.TOO_FEW_LOOKS),
        ([vote(None)] * 4, True, None, Reason.BELOW_THRESHOLD),
        ([vote("anna"), vote(None), vote("anna"), vote(None), vote("anna")], True, "anna", Reason.AGREED),
        ([vote("anna"), vote(None), vote("anna"), vote(None)], False, None, Reason.DISAGREEING_LOOKS),
        ([vote("anna"), vote("bert"), vote("anna"), vote("bert")], False, None, Reason.DISAGREEING_LOOKS),
        ([vote("anna")] * 3 + [vote(None)] * 3, False, None, Reason.DISAGREEING_LOOKS),
        ([vote("anna")] * 3 + [vote(None)] * 4, True, None, Reason.BELOW_THRESHOLD),
    ],
)
def test_enough_looks_must_agree(looks: list[Vote], decided: bool, person: str | None, reason: Reason) -> None:  # noqa: FBT001 - a table's column
    """Three of the last five name a person, four make an unknown; a tie is nobody's."""
    verdict = cast(*looks)

    assert verdict.decided == decided
    assert verdict.reason is reason
    if decided:
        assert verdict.person_id == person


def test_poor_looks_count_less() -> None:
    """Three poor looks do not outvote two good ones."""
    assert not cast(vote(None, 0.9), vote(None, 0.9), *[vote("anna", 0.3)] * 3).decided
    assert cast(vote(None, 0.3), vote(None, 0.3), *[vote("anna", 0.9)] * 3).decided


def test_the_verdict_carries_the_best_look() -> None:
    """Score, runner-up and margin are of one look, the best of those that agree; votes and looks are counted."""
    verdict = cast(vote("anna", score=0.55), vote("anna", score=0.7, runner_up=0.3), vote("anna"), vote(None))

    assert (verdict.name, verdict.score, verdict.runner_up) == ("anna", 0.7, 0.3)
    assert verdict.margin == pytest.approx(0.4)
    assert (verdict.votes, verdict.looks) == (3, 4)


@pytest.mark.parametrize(
    ("looks", "assurance"),
    [
        ([vote("anna")] * 3, Assurance.MEDIUM),
        ([vote("anna", 0.4)] * 3, Assurance.LOW),
        ([vote("anna", runner_up=0.55)] * 3, Assurance.LOW),
        ([vote(None)] * 4, Assurance.LOW),
    ],
)
def test_assurance_needs_looks_margin_and_quality(looks: list[Vote], assurance: Assurance) -> None:
    """Nothing but a liveness check would make it high."""
    assert cast(*looks).assurance is assurance
    assert cast(*[vote("anna")] * 2, rules=VotingRules(needed=2)).assurance is Assurance.LOW


def test_a_new_gallery_starts_a_new_ballot() -> None:
    """Votes on a gallery that is gone do not count."""
    ballot = Ballot(VOTING)
    for _ in range(3):
        ballot.cast(vote("anna"))
    ballot.clear()

    assert not ballot.cast(vote("anna")).decided


@pytest.mark.parametrize(("needed", "unknown", "window"), [(0, 1, 3), (4, 1, 3), (1, 0, 3), (1, 4, 3)])
def test_impossible_counts_are_refused(needed: int, unknown: int, window: int) -> None:
    """A decision must be possible within the window."""
    with pytest.raises(ValueError, match="between 1 and window"):
        VotingRules(needed=needed, unknown_needed=unknown, window=window)


@given(st.lists(st.builds(vote, st.sampled_from([None, "anna", "bert"]), st.floats(0, 1)), min_size=1, max_size=12))
def test_a_decision_is_always_backed(looks: list[Vote]) -> None:
    """A decided person has N votes among the last M looks and more weight than all the others together."""
    verdict = cast(*looks)
    latest = looks[-VOTING.window :]

    assert verdict.looks == len(latest)
    if verdict.decided:
        backing = [look for look in latest if look.person_id == verdict.person_id]
        assert len(backing) == verdict.votes
        assert verdict.votes >= (VOTING.unknown_needed if verdict.person_id is None else VOTING.needed)
    if verdict.decided and verdict.person_id is not None:
        others = sum(look.quality for look in latest if look.person_id != verdict.person_id)
        assert sum(look.quality for look in latest if look.person_id == verdict.person_id) > others
