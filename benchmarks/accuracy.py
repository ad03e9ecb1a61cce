"""Accuracy of uSense's own detectors, recognizer and decision, on labelled photos that no setting was fitted on.

    python benchmarks/accuracy.py [--check] [--json]

Single look: every person of lfw10 and deepface with at least four photos is enrolled from three, the others are probes;
20 splits. A probe is also a stranger: the same with its own person taken out of the gallery. Intervals (95 %) are
bootstrapped by person, because the photos of a person are not independent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import photos
from uSense import imaging
from uSense.core import matching, quality, voting
from uSense.core.matching import Gallery
from uSense.core.models import Answer, Box, Face, Quality, Rgb, Vector
from uSense.detectors import AnyDetector
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.ports import Detector
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.local import LocalSettings

SPLITS = 20
ENROLLED = 3
SEED = 2026
DETECTORS: dict[str, AnyDetector] = {
    "hog": HogSettings(),
    "hog min_face 40": HogSettings(min_face=40),
    "yunet": YunetSettings(path=photos.YUNET),
}
LEAST_RIGHT, MOST_STRANGERS, LEAST_PRECISION = 0.98, 0.005, 0.98
LEAST_RECALL = {"hog min_face 40": 0.93, "yunet": 0.99}
SMALLEST = 40


@dataclass(frozen=True, slots=True)
class Look:
    """One probe as the product sees it."""

    vector: Vector
    quality: Quality


@dataclass(slots=True)
class Seen:
    """What a detector and the embedder made of all photos under one condition; None where no face was found."""

    looks: dict[str, Look | None] = field(default_factory=dict)
    enrolled: dict[str, matching.Rows] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """Answers to the probes of each person, summed over the splits."""

    probes: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    """By reason."""

    def rate(self, what: Counter[str]) -> tuple[float, float, float]:
        """The share of the probes, and its interval."""
        people = sorted(self.probes)
        counts = np.array([(what[person], self.probes[person]) for person in people], float)
        draws = np.random.default_rng(SEED).integers(len(people), size=(5000, len(people)))
        sums = counts[draws].sum(axis=1)
        low, high = np.percentile(sums[:, 0] / sums[:, 1], (2.5, 97.5))
        return float(counts[:, 0].sum() / counts[:, 1].sum()), float(low), float(high)


async def see(detector: Detector, embedder: Embedder, files: list[str]) -> dict[str, Seen]:
    """All photos under all conditions, through the product's own steps."""
    seen = {condition: Seen() for condition in ("clean", *photos.SPOILED)}
    for number, file in enumerate(files):
        pixels = photos.read(file)
        await _look(detector, embedder, pixels, file, seen["clean"])
        small = photos.fitted(pixels)
        for condition, spoil in photos.SPOILED.items():
            generator = np.random.default_rng((SEED, number))
            await _look(detector, embedder, spoil(small, generator), file, seen[condition])
    return seen


async def _look(detector: Detector, embedder: Embedder, pixels: Rgb, file: str, seen: Seen) -> None:
    picture = imaging.ArrayPicture(pixels)
    faces = await detector.detect(picture)
    if not faces:
        seen.looks[file] = None
        return
    probe = imaging.probe(picture, faces[0])
    vectors = embedder.enroll(probe)
    seen.looks[file] = Look(vectors[0], probe.quality)
    seen.enrolled[file] = vectors


def identify(people: dict[str, list[str]], seen: dict[str, Seen], metric: matching.Metric) -> dict[str, Tally]:
    """The tallies of all conditions; enrolled from clean photos, the probes of a split are the same everywhere."""
    tallies = {condition: Tally() for condition in seen}
    clean = seen["clean"]
    found = {person: [file for file in files if clean.looks[file]] for person, files in people.items()}
    found = {person: files for person, files in found.items() if len(files) > ENROLLED}
    generator = np.random.default_rng(SEED)
    for _ in range(SPLITS):
        drawn = {person: list(generator.permutation(files)) for person, files in found.items()}
        faces = [(person, clean.enrolled[file]) for person, files in drawn.items() for file in files[:ENROLLED]]
        gallery = matching.build(metric, [(person, person) for person in found], faces)
        for condition, tally in tallies.items():
            for person, files in drawn.items():
                looks = [seen[condition].looks[file] for file in files[ENROLLED:]]
                _count(tally, gallery, person, [look for look in looks if look])
    return tallies


def _count(tally: Tally, gallery: Gallery, person: str, looks: list[Look]) -> None:
    if not looks:
        return
    tally.probes[person] += len(looks)
    for named, reason in _judged(gallery, looks):
        if named is None:
            tally.misses[reason] += 1
        else:
            (tally.right if named == person else tally.wrong)[person] += 1
    for named, _ in _judged(gallery.without(person), looks):
        tally.strangers[person] += named is not None


def _judged(gallery: Gallery, looks: list[Look]) -> list[tuple[str | None, str]]:
    """Who each look shows by the product's default rules, or None and the reason."""
    ranked = matching.rank(gallery, np.stack([look.vector for look in looks]))
    judged: list[tuple[str | None, str]] = []
    for look, candidates in zip(looks, ranked, strict=True):
        if flaw := quality.gate(look.quality, quality.QualityRules()):
            judged.append((None, flaw))
            continue
        vote = voting.judge(Answer(candidates, gallery.version), look.quality, voting.DecisionRules())
        judged.append((vote.person_id, vote.reason))
    return judged


async def boxes(detector: Detector) -> tuple[float, float, int]:
    """Recall of the faces of at least `SMALLEST` pixels, precision of all boxes, and the number of such faces."""
    hits = faces = wrong = boxes = 0
    for file, truth in json.loads((photos.FACES / "boxes.json").read_text()).items():
        pixels = photos.read(file)
        small = photos.fitted(pixels)
        scale = small.shape[0] / _stored_height(file, pixels)
        left = await detector.detect(imaging.ArrayPicture(small))
        boxes += len(left)
        for corners in truth["faces"]:
            known = Box(*corners).scaled(scale)
            match = next((face for face in left if _same(face, known)), None)
            if match is not None:
                left.remove(match)
            if known.height >= SMALLEST:
                faces += 1
                hits += match is not None
        ignored = [Box(*corners).scaled(scale) for corners in truth["ignore"]]
        wrong += sum(not any(_same(face, box) for box in ignored) for face in left)
    return hits / faces, 1.0 - wrong / boxes, faces


def _same(face: Face, box: Box) -> bool:
    """The rule of the photos' README: centers within 0.4 face sizes, sizes within a factor of about two."""
    side = box.area**0.5
    near = all(abs(a - b) < 0.4 * side for a, b in zip(face.box.center, box.center, strict=True))
    return near and 0.45 < face.box.area**0.5 / side < 2.2


def _stored_height(file: str, pixels: Rgb) -> float:
    """Height of the stored photo, upright: the product decodes huge ones smaller."""
    return float(photos.longest_side(file) / max(pixels.shape[:2]) * pixels.shape[0])


async def measured(name: str, settings: AnyDetector, embedder: Embedder) -> dict[str, Any]:
    """Everything about one detector, as numbers."""
    people = photos.persons()
    files = [file for own in people.values() for file in own]
    async with settings.open() as detector:
        seen = await see(detector, embedder, files)
        recall, precision, faces = await boxes(detector)
    conditions = {}
    for condition, tally in identify(people, seen, embedder.metric).items():
        conditions[condition] = {
            "undetected": sum(look is None for look in seen[condition].looks.values()),
            "people": len(tally.probes),
            "probes": tally.probes.total(),
            "right": tally.rate(tally.right),
            "wrong": tally.rate(tally.wrong),
            "strangers_named": tally.rate(tally.strangers),
            "misses": dict(tally.misses.most_common()),
        }
    detection = {"recall": recall, "precision": precision, "faces": faces}
    return {"detector": name, "photos": len(files), "conditions": conditions, "boxes": detection}


def failures(results: list[dict[str, Any]]) -> list[str]:
    """Every bound that is missed, as a sentence."""
    missed = []
    for result in results:
        name, boxes, conditions = result["detector"], result["boxes"], result["conditions"]
        clean = conditions["clean"]
        checks = [
            ("right names", clean["right"][0], LEAST_RIGHT),
            ("precision", boxes["precision"], LEAST_PRECISION),
            ("recall", boxes["recall"], LEAST_RECALL.get(name, 0.0)),
        ]
        for condition, numbers in conditions.items():
            checks += [
                (f"not wrong, {condition}", 1.0 - numbers["wrong"][0], 1.0 - clean["wrong"][0]),
                (f"strangers not named, {condition}", 1.0 - numbers["strangers_named"][0], 1.0 - MOST_STRANGERS),
            ]
        missed += [f"{name}: {what} {value:.4f} < {bound:.4f}" for what, value, bound in checks if value < bound]
    return missed


def table(result: dict[str, Any]) -> str:
    """One detector's numbers for people."""
    detection = result["boxes"]
    found = f"recall {detection['recall']:.4f} of {detection['faces']} faces, precision {detection['precision']:.4f}"
    lines = [
        f"{result['detector']}: {found}",
        f"  {'probes':<12}{'n':>6}  {'right name':<26}{'wrong name':<26}{'stranger named':<26}misses",
    ]
    for condition, numbers in result["conditions"].items():
        rates = "".join(
            f"{rate:7.2%} [{low:6.2%}, {high:6.2%}] ".ljust(26)
            for rate, low, high in (numbers[what] for what in ("right", "wrong", "strangers_named"))
        )
        misses = [f"{reason} {count}" for reason, count in numbers["misses"].items()]
        misses.append(f"undetected photos {numbers['undetected']} of {result['photos']}")
        lines.append(f"  {condition:<12}{numbers['probes']:>6}  {rates}{', '.join(misses)}")
    return "\n".join(lines)


async def main() -> int:
    """Measure, print, and with `--check` say by the exit code whether all bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit 1 if a bound is missed")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    photos.present()
    embedder = await asyncio.to_thread(LocalSettings().embedder.load)
    results = []
    for name, settings in DETECTORS.items():
        results.append(await measured(name, settings, embedder))
        if not asked.json:
            print(table(results[-1]), flush=True)
    missed = failures(results)
    if asked.json:
        print(json.dumps({"results": results, "missed": missed}))
    else:
        print("\n".join(f"MISSED {sentence}" for sentence in missed) or "all bounds hold")
    return int(asked.check and bool(missed))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
