"""The findings as one JSON value, described in docs/evaluation.md, and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from uSense.core.advice import advise
from uSense.core.evaluation import STEP, Point, Rate, Tally, edge_of
from uSense.core.trials import Protocol

SCHEMA = 1
"""Rises when a field changes its meaning or goes; new fields may come without."""
PAIRS = 10
_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """The tally, and all that one must know to repeat it."""

    folder: str
    detector: str
    model: str
    protocol: Protocol
    tally: Tally
    photos: Mapping[str, int]
    """Usable photos of each person who has two or more."""
    strangers: Mapping[str, int]
    """Usable photos of people who are never enrolled."""
    problems: Sequence[Mapping[str, str]]
    left_out: Sequence[str]


def numbers(done: Evaluated) -> dict[str, Any]:
    """Everything, as JSON."""
    tally = done.tally
    now = tally.point(tally.rules.threshold)
    curve = tally.curve()
    used = np.flatnonzero(tally.genuine + tally.impostor)
    bins = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
    return {
        "schema": SCHEMA,
        "folder": done.folder,
        "detector": done.detector,
        "model": done.model,
        "rules": {**asdict(tally.rules), **asdict(tally.quality)},
        "protocol": asdict(done.protocol),
        "people": len(done.photos),
        "strangers": len(done.strangers),
        "photos": {"usable": sum(done.photos.values()) + sum(done.strangers.values()), "problems": len(done.problems)},
        "identification": {
            "looks": tally.probes.total(),
            "right": _rate(tally.rate(tally.right, tally.probes)),
            "wrong": _rate(tally.rate(tally.wrong, tally.probes)),
            "missed": _rate(tally.rate(tally.probes - tally.right - tally.wrong, tally.probes)),
            "misses": dict(tally.misses.most_common()),
        },
        "unknown": {
            "looks": tally.strangers.total(),
            "named": _rate(tally.rate(tally.named, tally.strangers)),
        },
        "verification": {
            "threshold": now.threshold,
            "same": int(tally.genuine.sum()),
            "other": int(tally.impostor.sum()),
            "fnmr": _rounded(now.fnmr),
            "fmr": _rounded(now.fmr),
            "equal_error": _equal_error(curve),
        },
        "advice": asdict(advise(tally)),
        "per_person": [_person(done, name) for name in done.photos],
        "confusable": [{**asdict(pair), "score": _rounded(pair.score)} for pair in tally.pairs(PAIRS)],
        "weak_photos": [{**asdict(one), "score": _rounded(one.score)} for one in tally.weak()],
        "curve": [{name: _rounded(value) for name, value in asdict(point).items()} for point in curve],
        "histogram": {
            "from": edge_of(bins.start),
            "step": STEP,
            "same": tally.genuine[bins].tolist(),
            "other": tally.impostor[bins].tolist(),
        },
        "problems": list(done.problems),
        "left_out": list(done.left_out),
    }


def text(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for people, without the curves."""
    protocol, identified, unknown, verified = (
        found[part] for part in ("protocol", "identification", "unknown", "verification")
    )
    strangers = f" and {found['strangers']} strangers" if found["strangers"] else ""
    people = "1 person" if found["people"] == 1 else f"{found['people']} people"
    yield f"{people}{strangers}, {found['photos']['usable']} usable photos"
    if found["people"] == 1:
        yield "beware: where there is one person, nobody can be taken for another; add photos of others"
    yield (
        f"{protocol['splits']} random splits, up to {protocol['enrolled']} photos a person enrolled, the others asked "
        f"about; one look decides, threshold {found['rules']['threshold']:.2f}"
    )
    yield ""
    misses = ", ".join(f"{reason} {count}" for reason, count in identified["misses"].items())
    for title, rate, note in (
        ("right name", identified["right"], f"of {identified['looks']} looks at enrolled people"),
        ("wrong name", identified["wrong"], ""),
        ("missed", identified["missed"], misses),
        ("stranger named", unknown["named"], f"of {unknown['looks']} looks at people who are not enrolled"),
    ):
        yield f"{title:<16}{_percent(rate):<28}{note}".rstrip()
    if equal := verified["equal_error"]:
        yield (
            f"{'comparisons':<16}false non-match {verified['fnmr']:.2%}, false match {verified['fmr']:.3%} "
            f"at {verified['threshold']:.2f}; equal error {equal['rate']:.2%} at {equal['threshold']:.2f}"
        )
    yield ""
    yield from _people_lines(found["per_person"])
    yield from _finding_lines(found)
    yield ""
    yield f"advice: {found['advice']['text']}"


def _people_lines(people: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    width = max(len(person["name"]) for person in people)
    yield f"{'person':<{width}}  photos  right   wrong   missed  taken for another when not enrolled"
    for person in people:
        shares = "".join(f"{person[what] / max(1, person['looks']):7.1%} " for what in ("right", "wrong", "missed"))
        named = f"{person['named'] / max(1, person['unknown_looks']):7.1%}"
        yield f"{person['name']:<{width}}  {person['photos']:>6} {shares}{named}"


def _finding_lines(found: Mapping[str, Any]) -> Iterator[str]:
    threshold = found["rules"]["threshold"]
    for pair in found["confusable"][:3]:
        taken = f", taken for each other in {pair['named']} looks" if pair["named"] else ""
        yield f"most alike: {pair['a']} and {pair['b']}, score {pair['score']:.2f}{taken}"
    for photo in found["weak_photos"][:_TOLD]:
        yield (
            f"does not look like the other photos of {photo['person']}: {photo['photo']} "
            f"(score {photo['score']:.2f}, threshold {threshold:.2f})"
        )
    if len(found["weak_photos"]) > _TOLD:
        yield f"and {len(found['weak_photos']) - _TOLD} more photos that do not look like their person's others"


def _person(done: Evaluated, name: str) -> dict[str, Any]:
    tally = done.tally
    looks, right, wrong = tally.probes[name], tally.right[name], tally.wrong[name]
    return {
        "name": name,
        "photos": done.photos[name],
        "looks": looks,
        "right": right,
        "wrong": wrong,
        "missed": looks - right - wrong,
        "unknown_looks": tally.strangers[name],
        "named": tally.named[name],
    }


def _equal_error(curve: Sequence[Point]) -> dict[str, float] | None:
    """Where false matches and false non-matches are as frequent, or nearest to it; None without comparisons."""
    if not curve:
        return None
    point = min(curve, key=lambda one: abs(one.fmr - one.fnmr))
    return {"threshold": point.threshold, "rate": _rounded((point.fmr + point.fnmr) / 2)}


def _rate(rate: Rate | None) -> dict[str, float] | None:
    return None if rate is None else {name: _rounded(value) for name, value in asdict(rate).items()}


def _percent(rate: Mapping[str, float] | None) -> str:
    return "-" if rate is None else f"{rate['value']:7.2%} [{rate['low']:6.2%}, {rate['high']:6.2%}]"


def _rounded(value: float) -> float:
    return round(value, 5)
