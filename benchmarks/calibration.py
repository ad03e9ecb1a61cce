"""Where the constants of core/calibration.py come from, and whether the confidence holds what it says.

    python benchmarks/calibration.py [--check] [--plot FILE]

Fitted on the tracks of benchmarks/fit.py, none of whose photos any figure is taken from. Held out: the photos of
benchmarks/accuracy.py, shown as a camera might see them, in splits of three enrolled photos. What is judged is the
first verdict on each track, as it is told. Tracks are weighted to the prior: 20 in 100 are strangers'.
"""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks import fit, photos
from benchmarks.fit import Key, Seen, Track
from benchmarks.measures import bounds
from uSense.core import calibration, matching
from uSense.core.calibration import Calibration
from uSense.core.events import Decision
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Quality
from uSense.core.quality import QualityRules, gate
from uSense.core.trials import Protocol, splits
from uSense.core.voting import Ballot, Verdict, VotingRules, judge
from uSense.recognizers.local import LocalSettings

Floats: TypeAlias = NDArray[np.float64]

MODEL = "dlib-resnet-v1"
METRIC = matching.Metric.EUCLIDEAN
PRIOR = DecisionRules().strangers
MOST_ERROR = 0.03
FITTED_ON = (2, 3)
"""Photos enrolled of each person: with three alone hardly anybody enrolled scores low."""
OTHER_PRIORS, OTHER_HOUSEHOLDS, OTHER_ENROLLMENTS = (0.05, 0.5), (1, 4), (1, 2, 5)
ENROLLED, EVERYBODY = 3, 99
KINDS = {"all events": (True, False), "names": (True,), "unknown": (False,)}
BINS = 10
RIDGE = 1e-4
"""Keeps weights finite where the fitted tracks are told apart without error."""
TOLERANCE = 0.02
"""Share by which a constant in the code may differ from what is fitted here: detectors' last digits vary by machine."""
FEATURES: dict[str, tuple[str, ...]] = {
    "score": ("score",),
    "score less doubt": ("sure",),
    "margin": ("margin",),
    "score, margin": ("score", "margin"),
    "score less doubt, margin": ("sure", "margin"),
    "score, margin, quality": ("score", "margin", "quality"),
    "score, margin, looks": ("score", "margin", "looks"),
}
CHOSEN = "score less doubt, margin"


@dataclass(frozen=True, slots=True)
class Told:
    """The first verdict on a track, what it knows, and the truth: `group` is who or what photo is seen."""

    verdict: Verdict
    value: dict[str, float]
    stranger: bool
    right: bool
    """Whether the nearest person is the right one."""
    group: str


def told(track: Track, group: str) -> Told | None:
    """The first verdict on a track, as the service would tell it."""
    ballot = Ballot(VotingRules())
    for answer, quality in track.answers:
        verdict = ballot.cast(judge(answer, quality, DecisionRules()))
        if verdict.decided:
            best = max(ballot.votes, key=lambda vote: vote.score or 0.0)
            nearest = verdict.person_id or (best.nearest.person_id if best.nearest else "")
            return Told(verdict, _value(verdict), track.person is None, nearest == track.person, group)
    return None


def _value(verdict: Verdict) -> dict[str, float]:
    """What a verdict knows, as the calibration uses it."""
    constants = calibration.MODELS[MODEL]
    score = verdict.score or 0.0
    return {
        "score": score,
        "sure": score - constants.doubt * max(0.0, constants.clear - verdict.quality),
        "margin": min(verdict.margin or 0.0, constants.furthest),
        "quality": verdict.quality,
        "looks": float(verdict.looks),
    }


def held_out(seen: dict[Key, Seen], metric: matching.Metric, enrolled: int, household: int) -> Iterable[Told]:
    """Verdicts on the photos of the accuracy row, with so many photos enrolled of so many people.

    Each person is shown to a gallery with them and the people after them, and as a stranger to one of the people after
    them only.
    """
    people = {person: [file for file in files if (file, 0) in seen] for person, files in photos.persons().items()}
    people = {person: files for person, files in people.items() if len(files) > 3}
    names = list(people)
    for split in splits(people, Protocol(enrolled=enrolled)):
        rows = {
            person: [(person, own) for file in files if (own := seen[file, 0].enrolled) is not None]
            for person, files in split.enrolled.items()
        }
        for number, person in enumerate(names):
            after = [*names[number + 1 :], *names[:number]]
            for truth, members in ((person, [person, *after][:household]), (None, after[:household])):
                faces = [face for member in members for face in rows[member]]
                gallery = matching.build(metric, [(member, member) for member in members], faces)
                for file in split.probes[person]:
                    verdict = told(Track(truth, _answers(gallery, seen[file, 0])), person)
                    if verdict is not None:
                        yield verdict


def _answers(gallery: matching.Gallery, seen: Seen) -> list[tuple[Answer, Quality]]:
    """What a recognizer says of the looks at a face that pass the gate."""
    looks = [look for look in seen.looks if gate(look[1], QualityRules()) is None]
    ranked = matching.rank(gallery, np.stack([vector for vector, _ in looks])) if looks else []
    return [(Answer(best, 1), quality) for best, (_, quality) in zip(ranked, looks, strict=True)]


def weights(verdicts: Sequence[Told], prior: float = PRIOR) -> Floats:
    """So that the tracks of strangers make up the prior."""
    strangers = np.array([one.stranger for one in verdicts])
    shares = np.where(strangers, prior / max(1, strangers.sum()), (1.0 - prior) / max(1, (~strangers).sum()))
    return np.asarray(shares / shares.sum())


def logistic(values: Floats, right: Floats, weight: Floats) -> Floats:
    """Intercept and slopes with the least weighted log loss, by Newton's method on standardized values."""
    mean = np.average(values, axis=0, weights=weight)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    table = np.column_stack((np.ones(len(values)), (values - mean) / spread))
    ridge = RIDGE * np.diag([0.0] + [1.0] * values.shape[1])
    found = np.zeros(table.shape[1])

    def loss(at: Floats) -> float:
        odds = table @ at
        return float(weight @ (np.logaddexp(0.0, odds) - right * odds) + at @ ridge @ at / 2)

    for _ in range(200):
        share = 1.0 / (1.0 + np.exp(-table @ found))
        slope = table.T @ (weight * (share - right)) + ridge @ found
        curve = (table * (weight * share * (1.0 - share))[:, None]).T @ table + ridge + 1e-12 * np.eye(len(found))
        step = np.linalg.solve(curve, slope)
        while loss(found - step) > loss(found) and np.abs(step).max() > 1e-10:
            step /= 2
        found = found - step
        if np.abs(step).max() < 1e-9:
            break
    return np.concatenate(([found[0] - (found[1:] * mean / spread).sum()], found[1:] / spread))


def fitted(verdicts: Sequence[Told], names: tuple[str, ...]) -> Floats:
    """The regression on some of what the verdicts know."""
    right = np.array([one.right for one in verdicts], float)
    return logistic(_table(verdicts, names), right, weights(verdicts))


def _table(verdicts: Sequence[Told], names: tuple[str, ...]) -> Floats:
    return np.array([[one.value[name] for name in names] for one in verdicts])


def predicted(found: Floats, verdicts: Sequence[Told], names: tuple[str, ...]) -> Floats:
    """Probabilities that the nearest person is the right one."""
    return np.asarray(1.0 / (1.0 + np.exp(-(found[0] + _table(verdicts, names) @ found[1:]))))


def log_loss(share: Floats, verdicts: Sequence[Told]) -> float:
    """Mean surprise at the truth, weighted to the prior."""
    right = np.array([one.right for one in verdicts])
    surprise = -np.log(np.clip(np.where(right, share, 1.0 - share), 1e-6, 1.0))
    return float(weights(verdicts) @ surprise)


def left_out(verdicts: Sequence[Told], names: tuple[str, ...]) -> float:
    """Log loss on people (and photos of strangers) left out of the fit, each of the people once."""
    groups = sorted({one.group for one in verdicts if not one.stranger})
    others = sorted({one.group for one in verdicts if one.stranger} - set(groups))
    folds = {group: number % len(groups) for members in (groups, others) for number, group in enumerate(members)}
    losses = []
    for fold in range(len(groups)):
        ours = [one for one in verdicts if folds[one.group] != fold]
        theirs = [one for one in verdicts if folds[one.group] == fold]
        losses.append(log_loss(predicted(fitted(ours, names), theirs, names), theirs))
    return float(np.mean(losses))


def constants(found: Floats) -> Calibration:
    """The fit as it is written into the code, without the prior's log odds."""
    prior = math.log((1.0 - PRIOR) / PRIOR)
    even = -(found[0] - prior) / found[1]
    return replace(calibration.MODELS[MODEL], score=float(found[1]), margin=float(found[2]), even=float(even))


@dataclass(frozen=True, slots=True)
class Bin:
    """Events of like confidence: how many, their share of all, what they promise and what is true."""

    low: float
    events: int
    share: float
    confidence: float
    right: float


def reliability(verdicts: Sequence[Told], kinds: tuple[bool, ...], prior: float = PRIOR) -> list[Bin]:
    """The confidence of named (True) or unknown (False) verdicts as the service tells it, against the truth."""
    rows = []
    for one, weight in zip(verdicts, weights(verdicts, prior), strict=True):
        known = one.verdict.person_id is not None
        if known in kinds:
            share = calibration.confidence(MODEL, _decision(one.verdict), prior, known=known)
            assert share is not None
            rows.append((share, weight, one.right if known else one.stranger))
    table = np.array(rows, float)
    found = []
    for number in range(BINS):
        part = table[np.minimum((table[:, 0] * BINS).astype(int), BINS - 1) == number]
        if len(part):
            confidence, right = (float(np.average(part[:, at], weights=part[:, 1])) for at in (0, 2))
            found.append(Bin(number / BINS, len(part), float(part[:, 1].sum() / table[:, 1].sum()), confidence, right))
    return found


def expected_error(bins: Sequence[Bin]) -> float:
    """Mean distance between what is promised and what is true (ECE)."""
    return sum(one.share * abs(one.confidence - one.right) for one in bins)


def _decision(verdict: Verdict) -> Decision:
    return Decision(
        score=verdict.score,
        runner_up=verdict.runner_up,
        margin=verdict.margin,
        threshold=DecisionRules().threshold,
        votes=verdict.votes,
        looks=verdict.looks,
        quality=verdict.quality,
        reason=verdict.reason,
    )


def plot(diagrams: dict[str, list[Bin]], path: Path) -> None:
    """The reliability diagram; the area of a point is its share of the events."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who wants the picture needs it

    figure = Figure(figsize=(6, 6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#b9c2cb", linewidth=1)
    for (title, bins), color in zip(diagrams.items(), ("#5b4bb5", "#0f7b6c", "#c2571a"), strict=True):
        x, y = [one.confidence for one in bins], [one.right for one in bins]
        axes.plot(x, y, color=color, linewidth=1, label=f"{title}: error {expected_error(bins):.1%}")
        axes.scatter(x, y, s=[20 + 400 * one.share for one in bins], color=color, alpha=0.6)
    axes.set_xlabel("confidence told")
    axes.set_ylabel("share that was right")
    axes.legend(frameon=False)
    figure.savefig(path)


async def looked(files: Sequence[str]) -> dict[str, dict[Key, Seen]]:
    """What both detectors see of the photos and of what a camera would make of them."""
    embedder = await asyncio.to_thread(LocalSettings().embedder.load)
    everything = {}
    for name, settings in fit.DETECTORS.items():
        seen: dict[Key, Seen] = {}
        async with settings.open() as detector:
            for number, file in enumerate(files):
                seen.update(await fit.see(detector, embedder, file, number))
        everything[name] = seen
    return everything


def compare(ours: Sequence[Told], theirs: Sequence[Told]) -> None:
    """How well each choice of what a verdict knows foretells what is right."""
    print(f"fitted on {len(ours)} told tracks, held out {len(theirs)}; {PRIOR:.0%} strangers; log loss on")
    print(f"{'what the verdict knows':<28}{'people left out':>16}{'held-out photos':>16}")
    for title, names in FEATURES.items():
        surprise = log_loss(predicted(fitted(ours, names), theirs, names), theirs)
        print(f"{title:<28}{left_out(ours, names):>16.4f}{surprise:>16.4f}")


def show(diagrams: dict[str, list[Bin]]) -> None:
    """The reliability diagrams as tables."""
    for title, bins in diagrams.items():
        print(f"\n{title}: expected calibration error {expected_error(bins):.2%}")
        print("  confidence   events   share  told  right")
        for one in bins:
            ends = f"{one.low:.1f} to {one.low + 1 / BINS:.1f}"
            print(f"  {ends:<11}{one.events:>8}{one.share:>8.2%}{one.confidence:>6.2f}{one.right:>7.2f}")


def elsewhere(held: Callable[[int, int], list[Told]]) -> None:
    """The same error under another prior, for other households and with other numbers of photos."""
    usual = held(ENROLLED, EVERYBODY)
    cases = {f"{prior:.0%} strangers": (usual, prior) for prior in OTHER_PRIORS}
    cases |= {f"{people} enrolled": (held(ENROLLED, people), PRIOR) for people in OTHER_HOUSEHOLDS}
    cases |= {f"{count} photos a person": (held(count, EVERYBODY), PRIOR) for count in OTHER_ENROLLMENTS}
    print("\nexpected calibration error elsewhere     all   names unknown")
    for title, (verdicts, prior) in cases.items():
        errors = (expected_error(reliability(verdicts, kinds, prior)) for kinds in KINDS.values())
        print(f"  {title:<32}" + "".join(f"{error:>8.2%}" for error in errors))


async def main() -> int:
    """Fit, print, and with `--check` say by the exit code whether the code's constants and the bound hold."""
    parser = bounds.parser(__doc__, numbers=False)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the reliability diagram as PNG")
    options = parser.parse_args()
    photos.present()
    ours = [
        verdict
        for seen in (await looked(fit.files())).values()
        for enrolled in FITTED_ON
        for track in fit.tracks(seen, METRIC, enrolled)
        if (verdict := told(track, track.photo if track.person is None else track.person))
    ]
    views = await looked([file for files in photos.persons().values() for file in files])

    def held(enrolled: int, household: int) -> list[Told]:
        return [verdict for seen in views.values() for verdict in held_out(seen, METRIC, enrolled, household)]

    theirs = held(ENROLLED, EVERYBODY)
    compare(ours, theirs)
    made, used = constants(fitted(ours, FEATURES[CHOSEN])), calibration.MODELS[MODEL]
    print(f"\nfitted now: {made}\nin the code: {used}")
    diagrams = {title: reliability(theirs, kinds) for title, kinds in KINDS.items()}
    show(diagrams)
    elsewhere(held)
    if options.plot:
        plot(diagrams, options.plot)
    print()
    return bounds.verdict(failures(made, used, diagrams), check=options.check)


def failures(made: Calibration, used: Calibration, diagrams: dict[str, list[Bin]]) -> list[str]:
    """What is missed, as sentences."""
    missed = [
        f"{name}: the code has {known:.3f}, the fit gives {new:.3f}"
        for name in ("score", "margin", "even")
        for known, new in [(getattr(used, name), getattr(made, name))]
        if abs(known - new) > TOLERANCE * abs(new)
    ]
    missed += [
        f"{title}: expected calibration error {error:.4f} > {MOST_ERROR}"
        for title, bins in diagrams.items()
        if (error := expected_error(bins)) > MOST_ERROR
    ]
    return missed


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
