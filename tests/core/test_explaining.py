"""Why somebody is not recognized."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.values import GOOD, answer
from uSense.core.explaining import NOT_LOOKED_AT, Doubts, ExplainRules, Undecided
from uSense.core.judging import DecisionRules, Judge
from uSense.core.models import Answer, Quality
from uSense.core.quality import Flaw
from uSense.core.voting import Reason, VotingRules, judge

DECISION = DecisionRules(threshold=0.5, margin=0.05, clear=0.5, doubt=0.5)
POOR = replace(GOOD, value=0.2)
ANNA = answer(("Anna", 0.7), ("Bea", 0.3))
BEA = answer(("Bea", 0.7), ("Anna", 0.3))
BELOW = answer(("Anna", 0.44), ("Bea", 0.3))
BETWEEN = answer(("Anna", 0.61), ("Bea", 0.59))
MIDDLING = answer(("Anna", 0.60), ("Bea", 0.3))


def doubts(**rules: float) -> Doubts:
    """One camera's, with one track that began at second 0."""
    made = Doubts("hall", ExplainRules(**rules), DECISION, VotingRules())
    made.begun(["t"], 0.0)
    return made


def voted(made: Doubts, *answers: Answer, quality: Quality = GOOD, track_id: str = "t") -> Doubts:
    """The same after these looks at a track."""
    for reply in answers:
        made.voted(track_id, judge(reply, quality, DECISION), quality)
    return made


def why(made: Doubts) -> Undecided:
    """The explanation of the track, after a while."""
    told = made.due(5.0)
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("answers", "quality", "reason", "missing", "words"),
    [
        ([BELOW] * 3, GOOD, Reason.BELOW_THRESHOLD, 0.06, "most like Anna (score 0.44), 0.50 is needed"),
        ([BETWEEN] * 3, GOOD, Reason.BETWEEN_TWO, 0.03, "the next one is too close (score 0.59)"),
        ([MIDDLING] * 3, POOR, Reason.UNCLEAR, 0.05, "a look of quality 0.20 needs 0.65"),
        ([answer()] * 3, GOOD, Reason.NOBODY_ENROLLED, None, "nobody is enrolled yet"),
        ([replace(answer(), floor=0.5)] * 3, GOOD, Reason.UNLIKE_ANYBODY, None, "like nobody who is enrolled"),
        ([ANNA] * 2, GOOD, Reason.TOO_FEW_LOOKS, 0.0, "2 usable looks, and 3 that agree are needed"),
        ([ANNA, BEA, ANNA, BEA, BELOW], GOOD, Reason.DISAGREEING_LOOKS, 0.0, "Anna 2 x, Bea 2 x, unknown 1 x"),
        ([], GOOD, NOT_LOOKED_AT, None, "the recognizer is busy"),
    ],
)
def test_each_obstacle_is_told_in_plain_words(
    answers: list[Answer], quality: Quality, reason: str, missing: float | None, words: str
) -> None:
    """The reason, what the score is short of, and a sentence with names and numbers."""
    told = why(voted(doubts(), *answers, quality=quality))

    assert (told.reason, told.missing) == (reason, missing)
    assert words in told.message
    assert (told.camera, told.track_id, told.seconds, told.gone) == ("hall", "t", 5.0, False)


@pytest.mark.parametrize("flaw", list(Flaw))
def test_each_flaw_is_told_in_plain_words(flaw: Flaw) -> None:
    """A face that was never compared with anybody is explained by its pictures."""
    made = doubts()
    made.refused("t", flaw, replace(GOOD, size=31.4))

    told = why(made)

    assert (told.reason, told.size, told.name, told.score) == (flaw, 31, None, None)
    assert "{" not in told.message


def test_the_most_frequent_obstacle_counts_and_its_clearest_look_speaks() -> None:
    """One lucky or unlucky look explains nothing."""
    made = voted(doubts(), BELOW, quality=POOR)
    voted(made, answer(("Bea", 0.48)), BETWEEN)

    told = why(made)

    assert (told.reason, told.name, told.score, told.looks) == (Reason.BELOW_THRESHOLD, "Bea", 0.48, 3)


def test_nobody_is_explained_too_early_or_too_often() -> None:
    """A track is given time first, and a camera explains one track at a time, each in its turn."""
    made = doubts(after=3.0, every=10.0)
    made.begun(["u"], 1.0)

    assert made.due(2.9) is None
    order = [told.track_id for now in range(3, 40) if (told := made.due(float(now)))]

    assert order == ["t", "u", "t", "u"]


def test_who_is_looked_at_seldom_is_given_longer() -> None:
    """A face before a camera that takes two seconds from look to look has the time of a whole window of looks."""
    made = doubts(after=3.0)

    assert [now for now in range(0, 14, 2) if made.due(float(now))] == [10]


def test_who_leaves_undecided_is_explained() -> None:
    """After at least two looks; what is told too soon after another explanation is counted instead."""
    made = doubts(every=10.0)
    made.begun(["once", "second", "third"], 0.0)
    voted(made, BELOW, BELOW)
    voted(made, BELOW, track_id="once")
    voted(made, BELOW, BELOW, track_id="second")
    voted(made, BELOW, BELOW, track_id="third")

    told = made.ended(["once", "t", "second"], 1.5)

    assert told is not None
    assert (told.track_id, told.gone, told.seconds) == ("t", True, 1.5)
    assert made.ended(["third"], 5.0) is None
    assert made.withheld == 2


def test_who_is_decided_needs_no_explanation() -> None:
    """Neither while they stay nor when they leave, and looks at them are not kept."""
    made = voted(doubts(), ANNA, ANNA)
    made.decided("t")
    voted(made, BELOW)

    assert made.due(60.0) is None
    assert made.ended(["t"], 61.0) is None
    assert made.withheld == 0


def test_what_is_missing_is_told_on_the_scale_of_who_judged() -> None:
    """A fallback's score is compared with the fallback's threshold, not with that of the usual recognizer."""
    azure = Judge("azure", "recognition_04", DecisionRules(threshold=0.7))

    told = why(voted(doubts(), *[replace(answer(("anna", 0.6)), judge=azure)] * 3))

    assert (told.missing, "0.70" in told.message) == (0.1, True)
