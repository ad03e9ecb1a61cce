"""Accuracy of uSense's own detectors, recognizer and decision, on labelled photos that no setting was fitted on.

    python benchmarks/accuracy.py [--check] [--json] [--only lfw10]

Single look: every person of lfw10 and deepface with at least four photos is enrolled from three, the others are probes;
20 splits. A probe is also a stranger: the same with its own person taken out of the gallery. Intervals (95 %) are
bootstrapped by person, because the photos of a person are not independent.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import photos
from benchmarks.measures import bounds
from uSense import imaging
from uSense.core import matching
from uSense.core.evaluation import Rate, Tally
from uSense.core.models import Box, Face, Rgb
from uSense.core.trials import Look, Protocol, asked, splits
from uSense.detectors import AnyDetector
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.ports import Detector
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.local import LocalSettings

PROTOCOL = Protocol(enrolled=3, splits=20, seed=2026)
DETECTORS: dict[str, AnyDetector] = {
    "hog": HogSettings(),
    "hog min_face 40": HogSettings(min_face=40),
    "yunet": YunetSettings(path=photos.YUNET),
}
LEAST_RIGHT, MOST_STRANGERS, LEAST_PRECISION = 0.98, 0.005, 0.98
LEAST_RECALL = {"hog min_face 40": 0.93, "yunet": 0.99}
SMALLEST = 40


@dataclass(slots=True)
class Seen:
    """What a detector and the embedder made of all photos under one condition; None where no face was found."""

    looks: dict[str, Look | None] = field(default_factory=dict)

    def found(self, files: Sequence[str]) -> list[Look]:
        """The looks at the files in which there was a face."""
        return [look for file in files if (look := self.looks[file])]


async def see(detector: Detector, embedder: Embedder, files: list[str]) -> dict[str, Seen]:
    """All photos under all conditions, through the product's own steps."""
    seen = {condition: Seen() for condition in ("clean", *photos.SPOILED)}
    for number, file in enumerate(files):
        pixels = photos.read(file)
        seen["clean"].looks[file] = await looked(detector, embedder, pixels, file)
        small = photos.fitted(pixels)
        for condition, spoil in photos.SPOILED.items():
            generator = np.random.default_rng((PROTOCOL.seed, number))
            seen[condition].looks[file] = await looked(detector, embedder, spoil(small, generator), file)
    return seen


async def looked(detector: Detector, embedder: Embedder, pixels: Rgb, file: str) -> Look | None:
    """The largest face of a photo; None if there is none."""
    picture = imaging.ArrayPicture(pixels)
    faces = await detector.detect(picture)
    if not faces:
        return None
    probe = imaging.probe(picture, faces[0])
    return Look(file, embedder.enroll(probe), probe.quality)


def identify(people: dict[str, list[str]], seen: dict[str, Seen], metric: matching.Metric) -> dict[str, Tally]:
    """The tallies of all conditions; enrolled from clean photos, the probes of a split are the same everywhere."""
    tallies = {condition: Tally() for condition in seen}
    clean = {file: look for file, look in seen["clean"].looks.items() if look}
    found = {person: [file for file in files if file in clean] for person, files in people.items()}
    found = {person: files for person, files in found.items() if len(files) > PROTOCOL.enrolled}
    for split in splits(found, PROTOCOL):
        gallery = split.gallery(clean, metric)
        for condition, tally in tallies.items():
            for person, files in split.probes.items():
                if looks := seen[condition].found(files):
                    tally.add(asked(gallery, person, looks))
    return tallies


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


async def measured(name: str, settings: AnyDetector, embedder: Embedder, only: str) -> dict[str, Any]:
    """Everything about one detector, as numbers; of the people whose photos are below the folder `only`."""
    people = {person: files for person, files in photos.persons().items() if files[0].startswith(only)}
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
            "right": interval(tally.rate(tally.right, tally.probes)),
            "wrong": interval(tally.rate(tally.wrong, tally.probes)),
            "strangers_named": interval(tally.rate(tally.named, tally.strangers)),
            "misses": dict(tally.misses.most_common()),
        }
    detection = {"recall": recall, "precision": precision, "faces": faces}
    return {"detector": name, "photos": len(files), "conditions": conditions, "boxes": detection}


def interval(rate: Rate | None) -> tuple[float, float, float]:
    """A share and its bounds; of no trials nothing is known."""
    return (rate.value, rate.low, rate.high) if rate else (0.0, 0.0, 1.0)


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
    parser = bounds.parser(__doc__)
    parser.add_argument("--only", default="", choices=["lfw10", "deepface"], help="people of this folder only")
    options = parser.parse_args()
    photos.present()
    embedder = await asyncio.to_thread(LocalSettings().embedder.load)
    results = []
    for name, settings in DETECTORS.items():
        results.append(await measured(name, settings, embedder, options.only))
        if not options.json:
            print(table(results[-1]), flush=True)
    return bounds.verdict(failures(results), {"results": results} if options.json else None, check=options.check)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
