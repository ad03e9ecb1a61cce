"""Labelled faces as trials of a recognizer: random splits of photos, or leaving out one kept face after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from uSense.core import matching
from uSense.core.matching import Gallery, Metric, Rows
from uSense.core.models import Quality, Vector

_CLEAR = Quality(value=1.0, size=float("inf"), sharpness=1.0, brightness=0.5)
"""Kept faces have passed the gate; how good they were is not kept."""
_TABLE = 1 << 22
"""Scores computed at once."""


KeptFace: TypeAlias = tuple[str, str, Rows]
"""Person id, face id, and the vectors of the face's renderings, the plain one first."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One face of one photo as the product sees it: the vectors to enroll it by, the plain one first, its quality."""

    photo: str
    rows: Rows
    quality: Quality

    @property
    def vector(self) -> Vector:
        """What is compared with the gallery when it is a probe."""
        return np.asarray(self.rows[0], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Looks at one person and their scores against everybody in `names`, (looks, people).

    `own` is the person's own column, None for somebody who is not among them. Where it is not finite the person is a
    stranger, too.
    """

    person: str
    looks: Sequence[Look]
    names: Sequence[str]
    table: Rows
    own: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How photos become trials."""

    enrolled: int = 3
    """Photos of a person that are enrolled, drawn anew in every split; of those who have fewer, all but one."""
    splits: int = 20
    """Random splits."""
    seed: int = 2026
    """Where the random numbers begin."""


@dataclass(frozen=True, slots=True)
class Split:
    """Photos to enroll and photos to ask about, by person."""

    enrolled: Mapping[str, list[str]]
    probes: Mapping[str, list[str]]

    def gallery(self, looks: Mapping[str, Look], metric: Metric) -> Gallery:
        """What the training makes of the enrolled photos."""
        faces = [(person, looks[photo].rows) for person, photos in self.enrolled.items() for photo in photos]
        return matching.build(metric, [(person, person) for person in self.enrolled], faces)


def splits(people: Mapping[str, Sequence[str]], protocol: Protocol) -> Iterator[Split]:
    """Random splits of the photos of people who have at least two."""
    generator = np.random.default_rng(protocol.seed)
    for _ in range(protocol.splits):
        drawn = {person: generator.permutation(photos).tolist() for person, photos in people.items()}
        first = {person: min(protocol.enrolled, len(photos) - 1) for person, photos in drawn.items()}
        yield Split(
            {person: photos[: first[person]] for person, photos in drawn.items()},
            {person: photos[first[person] :] for person, photos in drawn.items()},
        )


def asked(gallery: Gallery, person: str, looks: Sequence[Look]) -> Trials:
    """Looks at a person, whom the gallery may know under this name, compared with it."""
    own = gallery.names.index(person) if person in gallery.names else None
    return Trials(person, looks, gallery.names, matching.scores(gallery, _vectors(looks)), own)


def leave_one_out(gallery: Gallery, faces: Sequence[KeptFace], most: int, seed: int = 0) -> Iterator[Trials]:
    """Every face against everybody, and against its own person as they would be without it.

    `faces` are what `gallery` was built from; of more than `most`, a random sample is
    compared, and in random order, so that whoever stops early has a sample, too. A person's only face has no score of
    its own: minus infinity.
    """
    places = {person_id: index for index, person_id in enumerate(gallery.person_ids)}
    own: dict[str, list[Look]] = {}
    for person_id, face_id, vectors in faces:
        if person_id in places:
            own.setdefault(person_id, []).append(Look(face_id, vectors, _CLEAR))
    generator = np.random.default_rng(seed)
    share = min(1.0, most / max(1, sum(map(len, own.values()))))
    at_once = max(1, _TABLE // max(1, len(places)))
    for person_id in generator.permutation(sorted(own)).tolist():
        means = np.stack([look.rows.mean(axis=0) for look in own[person_id]])
        chosen = np.flatnonzero(generator.random(len(means)) < share)
        for begin in range(0, len(chosen), at_once):
            part = chosen[begin : begin + at_once].tolist()
            looks = [own[person_id][index] for index in part]
            table = matching.scores(gallery, _vectors(looks))
            place = places[person_id]
            for row, index, look in zip(table, part, looks, strict=True):
                rest = np.delete(means, index, axis=0)
                row[place] = matching.score(look.vector, rest.mean(axis=0), gallery.metric) if len(rest) else -np.inf
            yield Trials(gallery.names[place], looks, gallery.names, table, place)


def _vectors(looks: Sequence[Look]) -> Rows:
    return np.stack([look.vector for look in looks])
