"""Which threshold suits the people who were compared, by a rule that says its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from uSense.core.evaluation import STEP, Outcome, Point, Tally

MOST_HARM = 0.005
"""Largest share of looks with a wrong name, and of strangers' looks with any, under an advised threshold."""
MANY_MISSES = 0.05
"""Share of known people's looks without a name above which a lower threshold is considered."""
FURTHEST, SAFETY = 0.10, 0.05
"""How far a threshold is lowered at most, and how far it stays above the last one that did harm."""
FEWEST_PEOPLE, FEWEST_TRIALS = 10, 10
"""People without whom a lower threshold is never advised, and trials without whom nothing is."""
HIGHEST = 0.95


class AdviceKind(StrEnum):
    """What to do about the threshold."""

    KEEP = "keep"
    RAISE = "raise"
    LOWER = "lower"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Advice:
    """A threshold, and in one sentence why."""

    kind: AdviceKind
    threshold: float
    text: str


def advise(tally: Tally) -> Advice:
    """Keep the threshold in doubt, and never lower it for a few people.

    Raise it to the lowest one at which at most 1 in 200 looks at known people gets a wrong name and at most 1 in 200
    looks at strangers any name. Lower it only if more than 1 in 20 looks at known people is missed, ten people or more
    were compared, and even 0.05 below the new threshold no look gets a wrong name and no stranger any.
    """
    now = tally.rules.threshold
    if min(tally.probes.total(), tally.strangers.total()) < FEWEST_TRIALS:
        return Advice(AdviceKind.NONE, now, "there are too few photos to judge the threshold by")
    today = tally.point(now)
    if _harm(today) > MOST_HARM:
        better = next((point for point in _points(tally, now + STEP, HIGHEST) if _harm(point) <= MOST_HARM), None)
        if better is None or better.right <= today.right / 2:
            return Advice(AdviceKind.NONE, now, f"no threshold tells these people apart well: {_effect(tally, now)}")
        return Advice(AdviceKind.RAISE, better.threshold, _change("raise", tally, better.threshold))
    if 1.0 - today.right - today.wrong > MANY_MISSES and len(tally.strangers) >= FEWEST_PEOPLE:
        for point in _points(tally, now - FURTHEST, now - STEP):
            if point.right > today.right and _harm(tally.point(point.threshold - SAFETY)) == 0:
                return Advice(AdviceKind.LOWER, point.threshold, _change("lower", tally, point.threshold))
    return Advice(AdviceKind.KEEP, now, f"the threshold of {now:.2f} suits these people: {_effect(tally, now)}")


def _points(tally: Tally, low: float, high: float) -> Iterator[Point]:
    for number in range(round(low / STEP), round(high / STEP) + 1):
        yield tally.point(round(number * STEP, 2))


def _harm(point: Point) -> float:
    return max(point.wrong, point.strangers_named)


def _change(word: str, tally: Tally, threshold: float) -> str:
    now = tally.rules.threshold
    (right, wrong, named), (before, wrong_before, named_before) = (_looks(tally, at) for at in (threshold, now))
    told = f"then {right} of {tally.probes.total()} looks at known people get the right name (now {before})"
    mistaken = f", {wrong} a wrong name (now {wrong_before})" if wrong_before else ""
    strangers = f"{named} of {tally.strangers.total()} looks at strangers get a name (now {named_before})"
    return f"{word} the threshold from {now:.2f} to {threshold:.2f}: {told}{mistaken}, and {strangers}"


def _looks(tally: Tally, threshold: float) -> tuple[int, int, int]:
    """Looks with the right name, a wrong one, and of strangers with any."""
    right, wrong, named = (tally.reaching(outcome, threshold) for outcome in Outcome)
    return right, wrong, named


def _effect(tally: Tally, threshold: float) -> str:
    right, wrong, named = _looks(tally, threshold)
    told = f"{right} of {tally.probes.total()} looks at known people get the right name"
    mistaken = f", {wrong} a wrong name" if wrong else ""
    return f"{told}{mistaken}, and {named} of {tally.strangers.total()} looks at strangers get a name"
