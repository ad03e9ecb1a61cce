"""How well people are told apart: trials counted, and what follows from the counts.

A known trial is a look at somebody who is enrolled, a stranger's trial a look at somebody who is not: the same face
with its own person taken out. One look decides, by the rules of the product. Feed a `Tally`, then ask it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from uSense.core.judging import DecisionRules
from uSense.core.matching import Metric
from uSense.core.models import Answer, Candidate, Vector
from uSense.core.quality import QualityRules, gate
from uSense.core.trials import Look, Protocol, Trials, asked, splits
from uSense.core.voting import judge

Counts: TypeAlias = NDArray[np.int64]

STEP = 0.01
"""Width of a bin of scores, and step of thresholds."""
BINS = 200
"""Bins between a score of -1 and one of 1; what lies outside is counted in the first or last one."""
UNLIKE = 0.10
"""A face that scores this far below the threshold against its person's others does not look like them."""
_DRAWS = 5000
_SEED = 2026
_NEIGHBORS = 10
"""Other people that are remembered of each person, the most alike."""


class Outcome(StrEnum):
    """What a trial would give if the threshold were low enough."""

    RIGHT = "right"
    WRONG = "wrong"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of trials, and the interval that holds it for 95 of 100 other draws of people like these."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold does: to single comparisons (false match, false non-match) and to looks under the whole rule."""

    threshold: float
    fmr: float
    fnmr: float
    right: float
    wrong: float
    strangers_named: float


@dataclass(slots=True)
class PhotoCount:
    """How one photo did in known trials; `score` is its mean against its own person."""

    person: str
    photo: str
    trials: int = 0
    right: int = 0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Alike:
    """Two people, the highest score of a look at one against the other, and how many got the other's name."""

    a: str
    b: str
    score: float
    named: int


@dataclass(slots=True)
class Tally:
    """Answers to all trials under one set of rules. People are called by names that are unique among them."""

    rules: DecisionRules = field(default_factory=DecisionRules)
    quality: QualityRules = field(default_factory=QualityRules)
    probes: Counter[str] = field(default_factory=Counter)
    """Known trials of each person; `right` and `wrong` names are among them, the rest are misses."""
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    """By reason."""
    strangers: Counter[str] = field(default_factory=Counter)
    """Strangers' trials of each person; `named` are those that got a name."""
    named: Counter[str] = field(default_factory=Counter)
    photos: dict[tuple[str, str], PhotoCount] = field(default_factory=dict)
    genuine: Counts = field(default_factory=lambda: np.zeros(BINS, np.int64))
    """Scores against the own person, counted by bin; looks that the gate refuses are left out, here and below."""
    impostor: Counts = field(default_factory=lambda: np.zeros(BINS, np.int64))
    """Scores against everybody else."""
    _sure: dict[Outcome, Counts] = field(default_factory=lambda: {one: np.zeros(BINS, np.int64) for one in Outcome})
    """Looks by the highest threshold under which they get their name."""
    _alike: dict[tuple[str, str], float] = field(default_factory=dict)
    _taken: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, trials: Trials) -> None:
        """Count known trials, where there is a score of the own person, and strangers' trials."""
        table = np.where(np.isfinite(trials.table), trials.table, np.float32(-np.inf))
        others = table.copy()
        if trials.own is not None:
            others[:, trials.own] = -np.inf
            for row, look in zip(table, trials.looks, strict=True):
                if np.isfinite(row[trials.own]):
                    self._known(trials.names, row, trials.own, look)
        for row, look in zip(others, trials.looks, strict=True):
            self._stranger(trials.names, row, trials.person, look)
        most = others.max(axis=0, initial=-np.inf)
        for other in np.argsort(-most)[:_NEIGHBORS].tolist():
            if np.isfinite(most[other]):
                pair = _pair(trials.person, trials.names[other])
                self._alike[pair] = max(self._alike.get(pair, -np.inf), float(most[other]))

    def rate(self, what: Counter[str], of: Counter[str]) -> Rate | None:
        """A share and its interval, bootstrapped by person, because the photos of a person are not independent."""
        people = sorted(of)
        if not people:
            return None
        counts = np.array([(what[person], of[person]) for person in people], float)
        draws = np.random.default_rng(_SEED).integers(len(people), size=(_DRAWS, len(people)))
        sums = counts[draws].sum(axis=1)
        low, high = np.percentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
        return Rate(float(counts[:, 0].sum() / counts[:, 1].sum()), float(low), float(high))

    def point(self, threshold: float) -> Point:
        """What a threshold, rounded down to a step, would do with the other rules unchanged."""
        at = _bin(threshold)
        probes, strangers = self.probes.total(), self.strangers.total()
        return Point(
            round(threshold, 4),
            fmr=_share(self.impostor[at:].sum(), self.impostor.sum()),
            fnmr=_share(self.genuine[:at].sum(), self.genuine.sum()),
            right=_share(self.reaching(Outcome.RIGHT, threshold), probes),
            wrong=_share(self.reaching(Outcome.WRONG, threshold), probes),
            strangers_named=_share(self.reaching(Outcome.STRANGER, threshold), strangers),
        )

    def reaching(self, outcome: Outcome, threshold: float) -> int:
        """Looks that would get their name under a threshold, rounded down to a step."""
        return int(self._sure[outcome][_bin(threshold) :].sum())

    def curve(self) -> list[Point]:
        """All thresholds between the lowest and the highest score there was."""
        used = np.flatnonzero(self.genuine + self.impostor)
        edges = range(used[0], used[-1] + 2) if len(used) else ()
        return [self.point(edge_of(at)) for at in edges]

    def pairs(self, limit: int = 5) -> list[Alike]:
        """The people most alike, the worst first."""
        order = sorted(self._alike.items(), key=lambda item: (-item[1], item[0]))[:limit]
        return [Alike(a, b, score, self._taken[a, b]) for (a, b), score in order]

    def weak(self) -> list[PhotoCount]:
        """Photos that do not look like their person's others, the worst first."""
        limit = self.rules.threshold - UNLIKE
        return sorted((one for one in self.photos.values() if one.score < limit), key=lambda one: one.score)

    def _known(self, names: Sequence[str], row: Vector, own: int, look: Look) -> None:
        person = names[own]
        self.probes[person] += 1
        photo = self.photos.setdefault((person, look.photo), PhotoCount(person, look.photo))
        photo.trials += 1
        photo.score += (float(row[own]) - photo.score) / photo.trials
        if flaw := gate(look.quality, self.quality):
            self.misses[flaw] += 1
            return
        self.genuine[_bin(float(row[own]))] += 1
        answer = _answer(names, row)
        vote = judge(answer, look.quality, self.rules)
        right = answer.candidates[0].name == person
        self._note(Outcome.RIGHT if right else Outcome.WRONG, answer, look)
        if vote.candidate is None:
            self.misses[vote.reason] += 1
        elif right:
            self.right[person] += 1
            photo.right += 1
        else:
            self.wrong[person] += 1
            self._taken[_pair(person, vote.candidate.name)] += 1

    def _stranger(self, names: Sequence[str], row: Vector, person: str, look: Look) -> None:
        self.strangers[person] += 1
        if gate(look.quality, self.quality):
            return
        self.impostor += np.bincount(_bins(row[np.isfinite(row)]), minlength=BINS)
        answer = _answer(names, row)
        self._note(Outcome.STRANGER, answer, look)
        vote = judge(answer, look.quality, self.rules)
        if vote.candidate is not None:
            self.named[person] += 1
            self._taken[_pair(person, vote.candidate.name)] += 1

    def _note(self, outcome: Outcome, answer: Answer, look: Look) -> None:
        """Note the highest threshold under which a look gets its name; there is none if the margin forbids it."""
        scores = [candidate.score for candidate in answer.candidates]
        if scores and not (len(scores) > 1 and scores[0] - scores[1] < self.rules.margin):
            doubt = self.rules.doubt * max(0.0, self.rules.clear - look.quality.value)
            self._sure[outcome][_bin(scores[0] - doubt)] += 1


def tallied(
    people: Mapping[str, Sequence[str]],
    strangers: Mapping[str, Sequence[str]],
    looks: Mapping[str, Look],
    metric: Metric,
    protocol: Protocol,
    tally: Tally,
) -> Tally:
    """The tally of the photos of people (two or more each) and of strangers, who are asked for in every split."""
    for split in splits(people, protocol):
        gallery = split.gallery(looks, metric)
        for person, photos in (*split.probes.items(), *strangers.items()):
            tally.add(asked(gallery, person, [looks[photo] for photo in photos]))
    return tally


def edge_of(bin_number: int) -> float:
    """The lowest score of a bin."""
    return round(-1.0 + STEP * bin_number, 4)


def _bin(score: float) -> int:
    # Scores come with the rounding of 32-bit floats: 0.45 must not fall below the edge of 0.45.
    return min(max(int(np.floor((score + 1.0) / STEP + 1e-5)), 0), BINS - 1)


def _bins(scores: Vector) -> NDArray[np.intp]:
    return np.clip(np.floor((scores.astype(float) + 1.0) / STEP + 1e-5), 0, BINS - 1).astype(np.intp)


def _answer(names: Sequence[str], row: Vector) -> Answer:
    """The two best of a row of scores, as a recognizer gives them."""
    order = [int(row.argmax())] if len(row) else []
    if len(row) > 1:
        rest = row.copy()
        rest[order[0]] = -np.inf
        order.append(int(rest.argmax()))
    found = [at for at in order if np.isfinite(row[at])]
    return Answer(tuple(Candidate(names[at], names[at], float(row[at])) for at in found), 0)


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a <= b else (b, a)


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0
