"""What would help the recognizer to know somebody, from the last training's report and the photos that are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from uSense.core.lookalikes import NEAR
from uSense.core.models import ConfusablePair, Person, Quality, Training

ENOUGH = 4
"""Faces of a person from which on more help little."""
CLEAR = 0.5
"""Quality from which on a face is a clear one."""
ASIDE = 0.15
"""How far a face is turned, as `Quality.turned` has it, from which on it is one from aside."""


class Need(StrEnum):
    """What would help, the most urgent first."""

    FIRST = "first"
    """A first photo."""
    AGAIN = "again"
    """New photos: the model in use cannot read those there are."""
    TRAINING = "training"
    ODD = "odd"
    """A look at a face that is unlike the others: it may be somebody else's."""
    CLEARER = "clearer"
    MORE = "more"
    FROM_ASIDE = "from_aside"
    FROM_CAMERA = "from_camera"
    """Nothing but, should it go wrong, a photo by the camera that it goes wrong at."""


class Closeness(StrEnum):
    """How near two people come to each other."""

    MIXED = "mixed"
    """As near as a face to the others of its own person: they are confused with each other."""
    NEAR = "near"
    APART = "apart"


@dataclass(frozen=True, slots=True)
class Hardest:
    """The two people who are hardest to tell apart, and a photo of whom would help most."""

    pair: ConfusablePair
    closeness: Closeness
    who: str
    need: Need

    @property
    def other(self) -> str:
        """Who is not `who`."""
        return self.pair.b if self.who == self.pair.a else self.pair.a


def odd_faces(report: Training, name: str) -> dict[str, float]:
    """Faces of a person that are unlike the others, with how like they are."""
    return {face.face_id: face.score for face in report.weak if face.name == name}


def misplaced(report: Training, person: Person) -> bool:
    """Whether a photo among those of a person may be somebody else's."""
    return bool(odd_faces(report, person.name).keys() & set(person.face_ids))


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of a person's photos the last training asked about, and how many got the right name by the others."""

    asked: int
    right: int


def recall(report: Training, person: Person) -> Recall | None:
    """How well somebody is known by their own photos; None if that was not measured of those that are there."""
    asked = [one.right for one in report.tried if one.name == person.name and one.face_id in person.face_ids]
    return Recall(len(asked), sum(asked)) if asked else None


@dataclass(frozen=True, slots=True)
class Neighbor:
    """Who of the others is most like a person."""

    name: str
    score: float
    closeness: Closeness


def neighbor(report: Training, threshold: float, name: str) -> Neighbor | None:
    """Of those whom the last training found worth telling, the one who is most like a person."""
    pairs = [pair for pair in report.confusable if name in {pair.a, pair.b}]
    if not pairs:
        return None
    nearest = max(pairs, key=_score)
    other = nearest.b if nearest.a == name else nearest.a
    return Neighbor(other, nearest.score, _closeness(nearest.score, threshold))


def needs(person: Person, qualities: Sequence[Quality | None], report: Training) -> list[Need]:
    """All that would help a person, the most urgent first; `qualities` of the faces, None of those without a crop."""
    if not person.face_ids:
        return [Need.FIRST]
    found = [Need.AGAIN] if person.enroll_again else [] if person.trained else [Need.TRAINING]
    if misplaced(report, person):
        found.append(Need.ODD)
    lacking = _lacking(qualities)
    return found if lacking is Need.FROM_CAMERA else [*found, lacking]


def hardest(
    report: Training, threshold: float, photos: Mapping[str, Sequence[Quality | None]], odd: Collection[str] = ()
) -> Hardest | None:
    """The pair with the highest score; None if nobody was compared, or one of them is gone.

    `photos` by name; `odd` are the names of those who may have somebody else's.
    """
    there = [pair for pair in report.confusable if pair.a in photos and pair.b in photos]
    if not there:
        return None
    pair = max(there, key=_score)
    order = list(Need)
    lacking = {name: Need.ODD if name in odd else _lacking(photos[name]) for name in (pair.a, pair.b)}
    who = min(lacking, key=lambda name: (order.index(lacking[name]), len(photos[name])))
    return Hardest(pair, _closeness(pair.score, threshold), who, lacking[who])


def _closeness(score: float, threshold: float) -> Closeness:
    if score >= threshold:
        return Closeness.MIXED
    return Closeness.NEAR if score >= threshold - NEAR else Closeness.APART


def _lacking(qualities: Sequence[Quality | None]) -> Need:
    """The kind of photo that would add most; of faces without a crop nothing is known but that they are there."""
    known = [quality for quality in qualities if quality is not None]
    if known and max(quality.value for quality in known) < CLEAR:
        return Need.CLEARER
    if len(qualities) < ENOUGH:
        return Need.MORE
    turned = [quality.turned for quality in known if quality.turned is not None]
    return Need.FROM_ASIDE if turned and max(turned) < ASIDE else Need.FROM_CAMERA


def _score(pair: ConfusablePair) -> float:
    return pair.score
