"""Visitors and rejections on labelled photos: the real net, the product's own scene, book and database.

    python benchmarks/visitors.py [--check] [--json] [--runs 20] [--only lfw10]

Each photo is one visit: five looks at it, shifted and with noise as a camera has it. Half of a person's photos are of
"day one", the others of "day two"; all visits come in random order, ten minutes apart.

strangers: nobody is enrolled. mixed: half of the people are enrolled from three photos; their other photos are shown,
too, each clean or spoiled in one of the ways of the accuracy benchmark. rejected: the threshold is lowered to
0.40, the margin to nothing, so that strangers get names; each wrong name of day one is rejected, then the same photos
are shown again, and those of day two; the same without rejecting anything.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import structlog

from benchmarks import photos
from benchmarks.measures import bounds
from uSense import imaging
from uSense.aio import Lane
from uSense.core.events import Event, Notice, Sighting
from uSense.core.judging import DecisionRules
from uSense.core.models import Box, Face, Frame, Probe, Rgb
from uSense.core.quality import QualityRules, gate
from uSense.core.scene import Look, Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.visitors import DAY, VisitorRules
from uSense.detectors import AnyDetector
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.ports import Detector
from uSense.query import Query
from uSense.recognizers.embedders.base import Embedder, Vectors
from uSense.recognizers.local import LocalRecognizer, LocalSettings
from uSense.storage import open_storage
from uSense.visitors import Visiting

LOOKS, SHIFT, NOISE = 5, 3, 4.0
ENROLLED = 3
LOOSE = DecisionRules(threshold=0.40, margin=0.0)
CONDITIONS = ("clean", *photos.SPOILED)
LEAST_OWN, MOST_OTHERS = 0.90, 0.01
LEAST_MINTED = 0.80
"""Strangers who get an id, of those that came on both days."""

Views: TypeAlias = list[Probe]
"""What a camera sees of one visit."""


class Remembering:
    """An embedder that works on every probe once."""

    def __init__(self, embedder: Embedder) -> None:
        self.model, self.metric = embedder.model, embedder.metric
        self._embedder = embedder
        self._known: dict[tuple[str, int], Vectors] = {}

    def embed(self, probes: Sequence[Probe]) -> Vectors:
        return np.concatenate([self._once("embed", one) for one in probes])

    def enroll(self, probe: Probe) -> Vectors:
        return self._once("enroll", probe)

    def _once(self, how: str, probe: Probe) -> Vectors:
        # All probes live as long as the process: their ids are theirs alone.
        if (how, id(probe)) not in self._known:
            found = self._embedder.embed([probe]) if how == "embed" else self._embedder.enroll(probe)
            self._known[how, id(probe)] = found
        return self._known[how, id(probe)]


class Ears:
    """An outbox that counts what it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def post(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.notices.append(event)


@dataclass(slots=True)
class Camera:
    """A camera before which people come and go."""

    recognizer: LocalRecognizer
    visiting: Visiting
    scene: Scene
    wall: float
    now: float = 0.0
    seq: int = 0

    async def visit(self, views: Views) -> list[Sighting]:
        """Somebody is seen, and leaves; what was told."""
        told: list[Sighting] = []
        if not views:
            return told
        self.now += 600.0
        for probe in views:
            self.now += 0.2
            face = Face(Box(220, 140, 420, 340), 1.0)
            frame = Frame(
                camera="hall",
                captured_at=self.wall + self.now,
                stamp=self.now,
                scene=0,
                luma=np.zeros((120, 160), np.uint8),
                picture=imaging.ArrayPicture(probe.crop),
            )
            for ask in self._look((face,), frame):
                told += await self._ask(Query("hall", ask, _look(ask.track_id, frame, probe), probe, self.now))
        for _ in range(3):
            self.now += 2.0
            self._look((), replace(frame, stamp=self.now, captured_at=self.wall + self.now))
        await self.visiting.work()
        return told

    def _look(self, faces: Sequence[Face], frame: Frame) -> Any:
        looked = self.scene.look(faces, frame)
        self.visiting.left(looked.ended)
        return looked.asks

    async def _ask(self, query: Query) -> list[Sighting]:
        if gate(query.probe.quality, QualityRules()):
            self.scene.give_up(query.ask.track_id)
            return []
        (answer,) = await self.recognizer.identify([query.probe])
        outcome = self.scene.answer(query.look, answer, event_id=f"e{self.seq}", seq=self.seq)
        if outcome is None:
            return []
        sighting = self.visiting.heard(query, answer, outcome)
        if sighting is None:
            return []
        self.seq += 1
        return [sighting]


def _look(track_id: str, frame: Frame, probe: Probe) -> Look:
    return Look(
        track_id=track_id,
        captured_at=frame.captured_at,
        stamp=frame.stamp,
        box=Box(220, 140, 420, 340),
        frame_size=photos.VIEW,
        quality=probe.quality,
    )


@dataclass(slots=True)
class House:
    """The photos of all runs."""

    people: dict[str, list[str]]
    views: dict[tuple[str, str], Views]
    embedder: Embedder

    @asynccontextmanager
    async def open(self, enrolled: dict[str, list[str]], rules: DecisionRules) -> AsyncIterator[Camera]:
        """A camera, a new database, and these people enrolled from these photos."""
        with tempfile.TemporaryDirectory() as folder:
            async with open_storage(Path(folder)) as storage, Lane("embed") as lane:
                recognizer = LocalRecognizer(lane, lambda: self.embedder, storage.vault, rules)
                recognizer.keep_crops = False
                for name, files in enrolled.items():
                    person = await recognizer.create_person(name)
                    for file in files:
                        await recognizer.add_face(person.person_id, self.views["clean", file][0], force=True)
                if enrolled:
                    await recognizer.train()
                visiting = Visiting(VisitorRules(), storage.visitors, recognizer, Ears(), Stats())
                visiting.keep_crops = False
                await visiting.load()
                scene = Scene("hall", SceneRules(decision=rules), "run", visiting.rejecting.rejections)
                yield Camera(recognizer, visiting, scene, time.time() - 2 * DAY)


@dataclass(slots=True)
class Count:
    """What became of the visits of strangers, and of the enrolled."""

    counts: Counter[str] = field(default_factory=Counter)
    told: list[tuple[str, Sighting]] = field(default_factory=list)
    """Of whom, and what."""

    def add(self, name: str, sightings: Sequence[Sighting]) -> None:
        """A visit of somebody."""
        self.told += [(name, sighting) for sighting in sightings if sighting.person_id is None]

    def close(self, camera: Camera, strangers: Sequence[str], enrolled: Sequence[str]) -> None:
        """The run is over: whose ids were they?"""
        whose = {sighting.event_id: name for name, sighting in self.told}
        owners: dict[str, str] = {}
        own: dict[str, str] = {}
        for notice in camera.visiting._outbox.notices:  # type: ignore[attr-defined]  # noqa: SLF001 - these Ears
            if notice.type == "visitor.new":
                owners[notice.data["visitor_id"]] = name = whose[notice.data["event_ids"][0]]
                own.setdefault(name, notice.data["visitor_id"])
        for name, sighting in self.told:
            kind = "strangers" if name in strangers else "enrolled"
            self.counts[f"sightings of {kind}"] += 1
            if sighting.visitor_id is not None:
                self.counts[f"with an id, {kind}"] += 1
                if owners[sighting.visitor_id] != name:
                    self.counts["another's id"] += 1
                else:
                    self.counts["own id" if own[name] == sighting.visitor_id else "second id"] += 1
        self.counts["strangers"] += len(strangers)
        self.counts["strangers with an id"] += len(set(own) & set(strangers))
        self.counts["ids"] += len(owners)
        self.counts["enrolled with an id"] += len(set(own) & set(enrolled))
        self.told.clear()


async def strangers(house: House, generator: np.random.Generator, *, half: bool) -> Counter[str]:
    """Two days of visits, the half of the people enrolled or nobody."""
    names = list(generator.permutation(sorted(house.people)))
    enrolled = {name: _shuffled(house.people[name], generator)[:ENROLLED] for name in names[: len(names) // 2 * half]}
    count = Count()
    async with house.open(enrolled, DecisionRules()) as camera:
        shown: dict[str, list[tuple[str, str]]] = {}
        for name in names:
            files = [file for file in house.people[name] if file not in enrolled.get(name, ())]
            ways = CONDITIONS if name in enrolled else ("clean",)
            shown[name] = [(str(generator.choice(ways)), file) for file in files]
        for day in _days(shown, generator):
            for name, view in day:
                count.add(name, await camera.visit(house.views.get(view, [])))
            camera.wall += DAY
        count.close(camera, [name for name in names if name not in enrolled], list(enrolled))
    return count.counts


def _days(
    shown: dict[str, list[tuple[str, str]]], generator: np.random.Generator
) -> list[list[tuple[str, tuple[str, str]]]]:
    """The visits of both days, in random order."""
    days: list[list[tuple[str, tuple[str, str]]]] = [[], []]
    for name, views in shown.items():
        order = [views[index] for index in generator.permutation(len(views))]
        days[0] += [(name, view) for view in order[: len(order) // 2]]
        days[1] += [(name, view) for view in order[len(order) // 2 :]]
    return [[day[index] for index in generator.permutation(len(day))] for day in days]


async def rejected(house: House, generator: np.random.Generator) -> Counter[str]:
    """Wrong names before and after they were rejected, and right ones."""
    names = list(generator.permutation(sorted(house.people)))
    enrolled = {name: _shuffled(house.people[name], generator)[:ENROLLED] for name in names[: len(names) // 2]}
    others = {name: _shuffled(house.people[name], generator) for name in names if name not in enrolled}
    counts: Counter[str] = Counter()
    for rejecting in (False, True):
        word = "after" if rejecting else "before"
        async with house.open(enrolled, LOOSE) as camera:
            if rejecting:
                counts["rejected"] = await _rejecting(house, camera, others)
            for files in others.values():
                for number, file in enumerate(files):
                    day = "same photo" if number < len(files) // 2 else "other photo"
                    named = any(one.person_id for one in await camera.visit(house.views["clean", file]))
                    counts[f"wrong name, {day}, {word}"] += named
                    counts[f"visits, {day}"] += not rejecting
            for name, taken in enrolled.items():
                for file in set(house.people[name]) - set(taken):
                    told = [one.name for one in await camera.visit(house.views["clean", file])]
                    counts[f"right name, {word}"] += name in told
                    counts["visits of enrolled people"] += not rejecting
    return counts


async def _rejecting(house: House, camera: Camera, others: dict[str, list[str]]) -> int:
    """Show day one, and reject every name: how many there were."""
    rejections = 0
    for files in others.values():
        for file in files[: len(files) // 2]:
            for sighting in await camera.visit(house.views["clean", file]):
                if sighting.person_id is not None:
                    await camera.visiting.rejecting.reject(sighting.event_id)
                    rejections += 1
    return rejections


def _shuffled(files: list[str], generator: np.random.Generator) -> list[str]:
    return [files[index] for index in generator.permutation(len(files))]


async def seen(detector: Detector, files: Sequence[str]) -> dict[tuple[str, str], Views]:
    """What a camera sees of every photo, under every condition; photos without a face are left out."""
    found: dict[tuple[str, str], Views] = defaultdict(list)
    for number, file in enumerate(files):
        small = photos.fitted(photos.read(file))
        generator = np.random.default_rng((2026, number))
        for condition in CONDITIONS:
            spoiled = small if condition == "clean" else photos.SPOILED[condition](small, generator)
            for _ in range(LOOKS):
                picture = imaging.ArrayPicture(_moved(spoiled, generator))
                if faces := await detector.detect(picture):
                    found[condition, file].append(imaging.probe(picture, faces[0]))
    return found


def _moved(pixels: Rgb, generator: np.random.Generator) -> Rgb:
    shift = generator.integers(-SHIFT, SHIFT + 1, 2)
    return photos.noise(np.roll(pixels, tuple(shift), (0, 1)), NOISE, generator)


async def measured(detector: Detector, embedder: Embedder, runs: int, only: str) -> dict[str, dict[str, int]]:
    """The sums of all runs with one detector; of people with four photos or more."""
    people = {name: files for name, files in photos.persons().items() if files[0].startswith(only)}
    views = await seen(detector, [file for files in people.values() for file in files])
    usable = {name: [file for file in files if ("clean", file) in views] for name, files in people.items()}
    usable = {name: files for name, files in usable.items() if len(files) > ENROLLED}
    house = House(usable, views, Remembering(embedder))
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for run in range(runs):
        sums["strangers"] += await strangers(house, np.random.default_rng((1, run)), half=False)
        sums["mixed"] += await strangers(house, np.random.default_rng((2, run)), half=True)
        sums["rejected"] += await rejected(house, np.random.default_rng((3, run)))
    return {part: dict(counts) for part, counts in sums.items()}


def failures(results: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """Every bound that is missed, as a sentence."""
    missed = []
    for detector, parts in results.items():
        for part in ("strangers", "mixed"):
            counts = Counter(parts[part])
            ids = counts["with an id, strangers"] + counts["with an id, enrolled"]
            own, others = counts["own id"] / max(ids, 1), counts["another's id"] / max(ids, 1)
            if own < LEAST_OWN or others > MOST_OTHERS:
                missed.append(f"{detector}, {part}: own id {own:.3f}, another's {others:.3f}")
        if (share := _minted(parts["strangers"])) < LEAST_MINTED:
            missed.append(f"{detector}: only {share:.2f} of the strangers got an id")
        if enrolled := Counter(parts["mixed"])["enrolled with an id"]:
            missed.append(f"{detector}: {enrolled} enrolled people became visitors")
        if again := Counter(parts["rejected"])["wrong name, same photo, after"]:
            missed.append(f"{detector}: {again} rejected faces were named again")
    return missed


def _minted(counts: dict[str, int]) -> float:
    return counts["strangers with an id"] / counts["strangers"]


async def main() -> int:
    """Measure, print, and with `--check` say by the exit code whether all bounds hold."""
    parser = bounds.parser(__doc__)
    parser.add_argument("--runs", type=int, default=20, help="random orders of the visits")
    parser.add_argument("--only", default="", choices=["lfw10", "deepface"], help="people of this folder only")
    options = parser.parse_args()
    photos.present()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    embedder = await asyncio.to_thread(LocalSettings().embedder.load)
    results = {}
    detectors: dict[str, AnyDetector] = {"hog": HogSettings(), "yunet": YunetSettings(path=photos.YUNET)}
    for name, settings in detectors.items():
        async with settings.open() as detector:
            results[name] = await measured(detector, embedder, options.runs, options.only)
        if not options.json:
            for part, counts in results[name].items():
                print(f"{name}, {part}: " + ", ".join(f"{what} {count}" for what, count in sorted(counts.items())))
    return bounds.verdict(failures(results), {"results": results} if options.json else None, check=options.check)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
