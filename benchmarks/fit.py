"""Where the margin and the N of M looks come from: tracks simulated from photos that no accuracy figure is taken on.

    python benchmarks/fit.py

Every photo is shown again and again as a camera might see it (distance, light, focus, noise, compression), so that the
looks of a track are as alike as those of a real one. Households of eight are drawn: four people with three photos each,
and four from group photos. Tracks: their other photos, and everybody else as a stranger. A track counts as named if the
rule names somebody at any time within its eight looks.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from benchmarks import photos
from benchmarks.photos import Photo
from uSense import imaging
from uSense.core import matching
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Face, Quality, Rgb, Vector
from uSense.core.quality import QualityRules, gate
from uSense.core.voting import Ballot, VotingRules, judge
from uSense.detectors import AnyDetector
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.ports import Detector
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.local import LocalSettings

SEED = 2026
VIEWS = 8
HOUSEHOLDS = 40
SMALLEST = 40
DETECTORS: dict[str, AnyDetector] = {
    "hog": HogSettings(min_face=40, fit=(1280, 1280)),
    "yunet": YunetSettings(path=photos.YUNET, fit=(1280, 1280)),
}
_COLLAGE = "dlib_groups/bald_guys.jpg"
_PLACES = {
    "johnson": ((1596, 242), (1166, 1384), (1866, 1386), (1513, 1399), (1882, 488), (1694, 747)),
    "statham": ((496, 914), (961, 479), (141, 762), (952, 177), (395, 513), (393, 102)),
    "willis": ((457, 1342), (1150, 843), (860, 894), (850, 1321), (124, 1046), (1191, 1134)),
    "diesel": ((643, 181), (153, 1373), (648, 507), (148, 153), (139, 457), (388, 289)),
}
KNOWN: dict[str, list[Photo]] = {
    **{name: [Photo(_COLLAGE, place) for place in places] for name, places in _PLACES.items()},
    "obama": [
        *(Photo(f"ageitgey/{name}.jpg") for name in ("ex_obama", "ex_obama2", "knn_test_obama1", "test_obama3")),
        Photo("ageitgey/knn_test_obama_and_biden.jpg", (1234, 480)),
    ],
    "biden": [
        Photo("ageitgey/ex_biden.jpg"),
        Photo("ageitgey/knn_train_biden_biden2.jpg", (643, 459)),
        Photo("ageitgey/knn_test_obama_and_biden.jpg", (846, 516)),
    ],
    "lacamoire": [
        Photo("ageitgey/ex_alex-lacamoire.png"),
        Photo("ageitgey/knn_test_alex_lacamoire1.jpg"),
        Photo("ageitgey/knn_train_alex_lacamoire_img1.jpg"),
    ],
    "a": [Photo(f"compreface/00{number}_A.jpg") for number in range(1, 7)],
}
"""People with at least three really different photos."""
SINGLES = (
    "ageitgey/ex_lin-manuel-miranda.png",
    "ageitgey/knn_test_johnsnow_test1.jpg",
    "ageitgey/knn_train_rose_leslie_img1.jpg",
    "compreface/007_B.jpg",
    "compreface/009_C.jpg",
    "compreface/extra/verify_faces_FACE_2.jpg",
    "dlib_groups/Tom_Cruise_avp_2014_4.jpg",
    "pypi/astronaut.png",
    "pypi/grace_hopper.jpg",
)
"""One person each; those of the group photos are all different people."""
UNFIT = ("ultralight/22.jpg", "ultralight/24.jpg")
"""Drawn faces, and an audience seen from the side: strangers, but nobody would enroll from them."""

Key: TypeAlias = tuple[str, int]
"""File and number of the face in it."""


@dataclass(slots=True)
class Seen:
    """One face of one photo: where, the vectors to enroll it by, and the camera's looks at it."""

    face: Face
    enrolled: matching.Rows | None = None
    looks: list[tuple[Vector, Quality]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Track:
    """The answers to the looks at one face of a photo; `person` is None for a stranger."""

    person: str | None
    answers: list[tuple[Answer, Quality]]
    photo: str = ""


def files() -> list[str]:
    """All photos, none of which the accuracy benchmark uses."""
    groups = [
        str(path.relative_to(photos.FACES))
        for folder in ("compreface", "dlib_groups", "ultralight")
        for path in sorted((photos.FACES / folder).glob("*.jpg"))
        if not any(mark in path.name for mark in ("_A.", "_B.", "_C.", "Cruise", "dogs"))
    ]
    return sorted({*groups, *SINGLES, *(photo.file for own in KNOWN.values() for photo in own)})


async def see(detector: Detector, embedder: Embedder, file: str, number: int) -> dict[Key, Seen]:
    """Every face of a photo, and what a camera would see of it."""
    pixels = photos.read(file)
    picture = imaging.ArrayPicture(pixels)
    faces = [face for face in await detector.detect(picture) if face.box.height >= SMALLEST]
    seen = {(file, index): Seen(face) for index, face in enumerate(faces)}
    for one in seen.values():
        one.enrolled = embedder.enroll(imaging.probe(picture, one.face))
    if not seen:
        return seen
    generator = np.random.default_rng((SEED, number))
    usual = float(np.median([face.box.height for face in faces]))
    for _ in range(VIEWS):
        view = imaging.ArrayPicture(_view(pixels, usual, generator))
        scale = view.size[0] / pixels.shape[1]
        for face in await detector.detect(view):
            for one in [one for one in seen.values() if _same(face, one.face, scale)][:1]:
                probe = imaging.probe(view, face)
                one.looks.append((embedder.embed([probe])[0], probe.quality))
    return seen


def _view(pixels: Rgb, usual: float, generator: np.random.Generator) -> Rgb:
    """The photo from another distance (faces of 50 to 170 pixels), in other light, less sharp, noisy, compressed."""
    scale = min(1.0, generator.uniform(50.0, 170.0) / usual)
    view = photos.fitted(pixels, (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)))
    view = photos.gamma(view, generator.uniform(0.6, 1.8))
    view = photos.blur(view, generator.uniform(0.0, 1.6))
    view = photos.noise(view, generator.uniform(0.0, 14.0), generator)
    return photos.jpeg(view, int(generator.integers(60, 95)))


def _same(face: Face, known: Face, scale: float) -> bool:
    there = known.box.scaled(scale)
    return all(abs(a - b) < 0.4 * there.height for a, b in zip(face.box.center, there.center, strict=True))


def find(seen: dict[Key, Seen], photo: Photo) -> Key | None:
    """The labelled face of a photo, if the detector found it."""
    keys = [key for key in seen if key[0] == photo.file]
    if not keys or photo.place is None:
        return min(keys, default=None)
    x, y = photo.place
    near = [key for key in keys if np.hypot(seen[key].face.box.center[0] - x, seen[key].face.box.center[1] - y) < 60]
    return near[0] if near else None


def tracks(seen: dict[Key, Seen], metric: matching.Metric, enrolled_photos: int = 3) -> list[Track]:
    """Tracks of `HOUSEHOLDS` random households, with so many photos a person, and of strangers at their doors."""
    known = {name: [key for photo in own if (key := find(seen, photo))] for name, own in KNOWN.items()}
    labelled = {photo.file for own in KNOWN.values() for photo in own}
    others = [key for key, one in seen.items() if key[0] not in labelled and len(one.looks) > 2]
    fit = [key for key in others if key[0] not in UNFIT]
    generator = np.random.default_rng(SEED)
    made: list[Track] = []
    for _ in range(HOUSEHOLDS):
        names = [str(name) for name in generator.permutation(sorted(known))[:4]]
        guests = [fit[index] for index in generator.permutation(len(fit))[:4]]
        enrolled: list[tuple[str, matching.Rows]] = []
        probes: list[tuple[str | None, Key]] = [(None, key) for key in others if key not in guests]
        for name, own in known.items():
            drawn = [own[index] for index in generator.permutation(len(own))]
            first = enrolled_photos if name in names else 0
            enrolled += [(name, rows) for key in drawn[:first] if (rows := seen[key].enrolled) is not None]
            probes += [(name if first else None, key) for key in drawn[first:]]
        for key in guests:
            enrolled += [
                (str(key), rows)
                for rows in (seen[key].enrolled, *(v[None] for v, _ in seen[key].looks[:2]))
                if rows is not None
            ]
        people = [(name, name) for name in dict.fromkeys(name for name, _ in enrolled)]
        gallery = matching.build(metric, people, enrolled)
        for person, key in probes:
            looks = [look for look in seen[key].looks if gate(look[1], QualityRules()) is None]
            if looks:
                ranked = matching.rank(gallery, np.stack([vector for vector, _ in looks]))
                answers = [(Answer(best, 1), quality) for best, (_, quality) in zip(ranked, looks, strict=True)]
                made.append(Track(person, answers, key[0]))
    return made


def outcome(track: Track, decision: DecisionRules, voting: VotingRules) -> tuple[str | None, int, bool]:
    """Who the track is named (None: nobody), after how many looks, and whether it was called unknown before."""
    ballot = Ballot(voting)
    unknown = False
    for number, (answer, quality) in enumerate(track.answers, 1):
        verdict = ballot.cast(judge(answer, quality, decision))
        if verdict.decided and verdict.person_id is not None:
            return verdict.person_id, number, unknown
        unknown = unknown or verdict.decided
    return None, len(track.answers), unknown


def row(made: list[Track], decision: DecisionRules, voting: VotingRules) -> str:
    """What a rule does to enrolled people and to strangers, in percent of their tracks."""
    outcomes = [(track.person, *outcome(track, decision, voting)) for track in made]
    known = [one for one in outcomes if one[0] is not None]
    strangers = [one for one in outcomes if one[0] is None]
    right = [one for one in known if one[1] == one[0]]
    wrong = sum(one[1] not in {one[0], None} for one in known)
    named = sum(one[1] is not None for one in strangers)
    first = sum(one[3] for one in right)
    looks = np.mean([one[2] for one in right])
    return (
        f"{100 * len(right) / len(known):7.1f}{100 * wrong / len(known):7.2f}{100 * first / len(known):9.1f}"
        f"{looks:7.1f}{100 * named / len(strangers):10.2f}"
    )


def report(made: list[Track]) -> None:
    """First the rule for one look, then, with the default of that, the N of M."""
    known = sum(track.person is not None for track in made)
    print(f"{known} tracks of enrolled people, {len(made) - known} of strangers, up to {VIEWS} looks each; in percent")
    print("margin doubt  N of M unknown   right  wrong unk.first  looks  strangers named")
    default, usual = VotingRules(), DecisionRules()
    single = [
        (DecisionRules(margin=margin, doubt=doubt), default)
        for margin, doubt in itertools.product((0.0, 0.05, 0.10, 0.15), (0.0, 0.15, 0.25, 0.35))
    ]
    counts = ((1, 1, 1), (2, 3, 2), (2, 4, 3), (3, 4, 3), (3, 5, 3), (3, 5, 4), (3, 6, 4), (4, 6, 4))
    several = [(usual, VotingRules(needed=n, window=m, unknown_needed=unknown)) for n, m, unknown in counts]
    for decision, voting in single + several:
        counted = f"{voting.needed:4} of {voting.window}{voting.unknown_needed:8}"
        print(f"{decision.margin:6.2f}{decision.doubt:6.2f}{counted}{row(made, decision, voting)}", flush=True)


async def main() -> None:
    """Simulate and print, per detector."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    photos.present()
    embedder = await asyncio.to_thread(LocalSettings().embedder.load)
    used = files()
    for name, settings in DETECTORS.items():
        seen: dict[Key, Seen] = {}
        async with settings.open() as detector:
            for number, file in enumerate(used):
                seen.update(await see(detector, embedder, file, number))
        print(f"\n{name}: {len(seen)} faces in {len(used)} photos")
        report(tracks(seen, embedder.metric))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
