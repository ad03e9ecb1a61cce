"""What guided enrollment says of people who come under a wrong name, and of new ones, on photos of different days.

    python benchmarks/lookalikes.py [--check]

The ten people of lfw10, 20 draws each: four photos of everybody are enrolled, six others of one person are what an
enrollment took. dlib's net, YuNet, default rules.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from benchmarks import photos
from benchmarks.measures import bounds
from uSense import imaging
from uSense.core import matching
from uSense.core.judging import DecisionRules
from uSense.core.lookalikes import Likenesses, likenesses, one_person
from uSense.core.matching import Gallery
from uSense.core.models import Answer, Vector
from uSense.core.trials import Look
from uSense.detectors.yunet import YunetSettings
from uSense.ports import Detector
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.local import LocalSettings

DRAWS, ENROLLED, TAKEN = 20, 4, 6
RULES = DecisionRules()
METRIC = matching.Metric.EUCLIDEAN
BOUNDS = {
    "new people refused": 0.0,
    "new people with somebody alike": 0.15,
    "second names not found": 0.0,
    "further faces refused": 0.01,
    "another one's name not noticed": 0.04,
    "enrollments of one person broken off": 0.01,
    "changes of persons half-way not noticed": 0.01,
}
"""The highest share of each, where `--check` fails."""


async def look(detector: Detector, embedder: Embedder, file: str) -> Look | None:
    """The largest face of a photo."""
    picture = imaging.ArrayPicture(photos.read(file))
    faces = await detector.detect(picture)
    if not faces:
        return None
    probe = imaging.probe(picture, faces[0])
    return Look(file, embedder.enroll(probe), probe.quality)


async def see() -> dict[str, list[Look]]:
    """All photos of the people of lfw10."""
    embedder = LocalSettings().embedder.load()
    people = {name: files for name, files in photos.persons().items() if files[0].startswith("lfw10/")}
    async with YunetSettings(path=photos.YUNET).open("detect") as detector:
        looks = {name: [await look(detector, embedder, file) for file in files] for name, files in people.items()}
    return {name: [one for one in found if one] for name, found in looks.items()}


def asked(gallery: Gallery, taken: Sequence[Vector], person_id: str | None) -> Likenesses:
    """What the enrollment is told."""
    ranked = matching.rank(gallery, np.stack(taken))
    return likenesses([Answer(candidates, 1) for candidates in ranked], RULES, person_id)


def of_one_person(vectors: Sequence[Vector]) -> bool:
    """Whether an enrollment that sees these faces goes on to the end, by the order in which it compares."""
    taken: list[Vector] = []
    strange = 0
    for vector in vectors:
        scores = [matching.score(before, vector, METRIC) for before in taken]
        fits = one_person(scores[:1], RULES) or one_person(scores, RULES)
        strange = 0 if fits else strange + 1
        if strange > 1:
            return False
        taken += [vector] if fits else []
    return True


def draw(looks: dict[str, list[Look]], name: str, random: np.random.Generator) -> Counter[str]:
    """One enrollment of everybody, and what goes wrong when somebody comes."""
    mixed = {one: [found[index] for index in random.permutation(len(found))] for one, found in looks.items()}
    faces = [(one, found.rows) for one in mixed for found in mixed[one][:ENROLLED]]
    own, other = mixed[name], str(random.choice([one for one in mixed if one != name]))
    taken = [found.vector for found in own[ENROLLED : ENROLLED + TAKEN]]
    swapped = [*taken[: TAKEN // 2], *(found.vector for found in mixed[other][: TAKEN // 2])]

    def without(*absent: str) -> Gallery:
        return matching.build(METRIC, [(one, one) for one in mixed if one not in absent], faces)

    new, second = asked(without(name), taken, None), asked(without(), taken, None)
    further, wrong = asked(without(), taken, name), asked(without(name), taken, other)
    return Counter({
        "new people refused": new.double is not None,
        "new people with somebody alike": bool(new.alike),
        "second names not found": second.double is None or second.double.person_id != name,
        "further faces refused": further.double is not None or further.stranger,
        "another one's name not noticed": wrong.double is None and not wrong.stranger,
        "enrollments of one person broken off": not of_one_person(taken),
        "changes of persons half-way not noticed": of_one_person(swapped),
    })  # fmt: skip


def main() -> int:
    """Measure, print, and with `--check` say by the exit code whether all bounds hold."""
    check = bounds.parser(__doc__, numbers=False).parse_args().check
    photos.present()
    looks, random, found = asyncio.run(see()), np.random.default_rng(2026), Counter[str]()
    for name in looks:
        for _ in range(DRAWS):
            found.update(draw(looks, name, random))
    total = DRAWS * len(looks)
    print(f"{total} enrollments of {len(looks)} people")
    for what, most in BOUNDS.items():
        print(f"{what:<42} {found[what]:>4}  {found[what] / total:6.1%}  (at most {most:.0%})")
    missed = [f"{what}: {found[what] / total:.1%}" for what, most in BOUNDS.items() if found[what] / total > most]
    return bounds.verdict(missed, check=check)


if __name__ == "__main__":
    sys.exit(main())
