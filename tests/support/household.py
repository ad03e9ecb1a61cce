"""People who stand before a camera and do what people do, in virtual time: through the real scene and its rules."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from tests.support.values import answer, face, frame
from uSense.core.events import Event, Notice, Sighting
from uSense.core.models import Answer, Face, Quality
from uSense.core.presence import Eye, PresenceRules
from uSense.core.quality import QualityRules, gate
from uSense.core.scene import Look, Scene, SceneRules
from uSense.presence import Attending, Clocks

STEP = 0.2
"""Seconds between two looks, if nothing else is said: five a second."""


class MemoryNotebook:
    """The port Notebook without a disk, which can be made to fail."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.saves = 0
        self.error: Exception | None = None

    async def load(self) -> dict[str, object]:
        self._check()
        return self.values

    async def save(self, values: object) -> None:
        self._check()
        assert isinstance(values, dict)
        self.values, self.saves = values, self.saves + 1

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass
class Person:
    """Somebody at a place in the picture, who looks at the camera, turns away a little or wholly, and sways."""

    name: str
    x: float
    chance: random.Random
    known: bool = True
    mood: str = "facing"
    until: float = 1004.0
    looks: int = 0

    def live(self, now: float) -> None:
        """Do something else for a while, if it is time: mostly look ahead, for seconds turn, or hide the face."""
        if now < self.until:
            return
        turn = self.chance.random()
        if self.mood == "facing" and turn < 0.5:
            self.mood, self.until = "turned", now + self.chance.uniform(0.4, 4.0)
        elif self.mood == "facing":
            self.mood, self.until = "hidden", now + self.chance.choice((0.4, 1.0, 3.0, 10.0, 25.0))
        else:
            self.mood, self.until = "facing", now + self.chance.expovariate(1 / 8.0)
        self.x += self.chance.uniform(-4, 4)

    def face(self) -> Face | None:
        """What a detector finds of them; a turned face only now and then, and any face not always."""
        missed = {"facing": 0.05, "turned": 0.4, "hidden": 1.0}[self.mood]
        return None if self.chance.random() < missed else face(self.x + self.chance.gauss(0, 2))

    def quality(self) -> Quality:
        """How good a look is; motion blurs one or the other."""
        value = self.chance.gauss(0.75, 0.1) if self.mood == "facing" else self.chance.gauss(0.35, 0.15)
        value = min(1.0, max(0.05, value if self.chance.random() < 0.9 else value / 3))
        return Quality(value=value, size=100.0, sharpness=value, brightness=0.5)

    def answer(self) -> Answer:
        """How alike a recognizer finds them: of somebody known less when they turn, of strangers never much."""
        self.looks += 1
        best = 0.62 if self.mood == "facing" else 0.49
        others = [(other, self.chance.gauss(0.25, 0.05)) for other in ("Xenia", "Yuri")]
        own = [(self.name, self.chance.gauss(best, 0.05))] if self.known else [("Zoe", self.chance.gauss(0.3, 0.05))]
        return answer(*sorted(own + others, key=lambda one: -one[1]))


def crowd(names: Sequence[str], seed: int) -> list[Person]:
    """People side by side, each of whom does the same again for the same seed."""
    chances = [random.Random(10 * seed + index) for index in range(len(names))]  # noqa: S311 - a play, not a secret
    return [Person(name, 100.0 + 220 * index, chances[index]) for index, name in enumerate(names)]


@dataclass
class Household:
    """A hall with people in it, its scene, and the service's part that tells presence. Everything told is in `told`."""

    people: Sequence[Person]
    rules: PresenceRules = field(default_factory=PresenceRules)
    now: float = 1000.0
    told: list[tuple[float, Event]] = field(default_factory=list)
    eye: Eye = Eye.CLEAR
    step: float = STEP

    def __post_init__(self) -> None:
        self.scene = Scene("hall", SceneRules(), "r")
        clocks = Clocks(lambda: self.now, lambda: self.now + 1e9)
        self.notebook = MemoryNotebook()
        self.attending = Attending(self.rules, {"hall": self.scene}, lambda _: self.eye, self, self.notebook, clocks)

    def post(self, event: Event) -> None:
        """The port Outbox: note when it was told."""
        self.told.append((self.now, event))

    def pass_time(self, seconds: float) -> None:
        """Look at the hall for some seconds, and at the scene once a second."""
        end, second = self.now + seconds, self.now
        while self.now < end:
            self.now += self.step
            self._look()
            if self.now - second >= 1.0:
                second = self.now
                self.attending.look()
                self.scene.tick(self.now)

    def _look(self) -> None:
        for one in self.people:
            one.live(self.now)
        faces = {id(seen): (one, seen) for one in self.people if (seen := one.face()) is not None}
        looked = self.scene.look([seen for _, seen in faces.values()], frame(self.now))
        if why := self.scene.explain(looked.ended, self.now):
            self.post(Notice("track.undecided", asdict(why)))
        for ask in looked.asks:
            person, _ = faces[id(ask.face)]
            quality = person.quality()
            if flaw := gate(quality, QualityRules()):
                self.scene.refuse(ask.track_id, flaw, quality)
                continue
            look = Look(
                track_id=ask.track_id,
                captured_at=self.now + 1e9,
                stamp=self.now,
                box=ask.face.box,
                frame_size=(640, 480),
                quality=quality,
            )
            number = len(self.told)
            outcome = self.scene.answer(look, person.answer(), event_id=f"e{number}", seq=number)
            if outcome is not None and isinstance(outcome.sighting, Sighting):
                self.post(outcome.sighting)
                self.attending.hear(outcome.sighting)
