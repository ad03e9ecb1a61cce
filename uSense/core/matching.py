"""Open-set matching: which enrolled persons a face resembles, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from uSense.core.models import Candidate, ConfusablePair, Vector

Rows: TypeAlias = NDArray[np.float32]
"""(n, d), one vector a row."""


class Metric(StrEnum):
    """How a model's vectors are compared; scores are higher-is-better in both cases."""

    EUCLIDEAN = "euclidean"
    """score = 1 - distance (dlib's net)."""
    COSINE = "cosine"
    """score = cosine of the angle (ArcFace-like nets)."""


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """All templates in the state the last training fixed.

    `vectors` is (n, d) float32; row i belongs to person `owners[i]` of `person_ids`; `names` runs parallel to it.
    """

    version: int
    metric: Metric
    person_ids: tuple[str, ...]
    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    owners: NDArray[np.intp]

    @classmethod
    def empty(cls, metric: Metric, version: int = 0) -> Self:
        """A gallery in which nobody is enrolled."""
        return cls(version, metric, (), (), np.empty((0, 0), np.float32), np.empty(0, np.intp))

    def numbered(self, version: int) -> Gallery:
        """The same gallery under the version number that storage gave it."""
        return replace(self, version=version)

    def renamed(self, person_id: str, name: str) -> Gallery:
        """The same gallery with another name for a person."""
        pairs = zip(self.person_ids, self.names, strict=True)
        return replace(self, names=tuple(name if known == person_id else old for known, old in pairs))

    def without(self, person_id: str) -> Gallery:
        """The same gallery without a person."""
        if person_id not in self.person_ids:
            return self
        gone = self.person_ids.index(person_id)
        kept = self.owners != gone
        owners = self.owners[kept]
        return replace(
            self,
            person_ids=self.person_ids[:gone] + self.person_ids[gone + 1 :],
            names=self.names[:gone] + self.names[gone + 1 :],
            vectors=self.vectors[kept],
            owners=owners - (owners > gone),
        )


def scores(gallery: Gallery, probes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score of every probe (k, d) against every person: (k, persons), the best of the person's templates."""
    if not gallery.person_ids:
        return np.empty((len(probes), 0), np.float32)
    if gallery.metric is Metric.COSINE:
        each = _unit(probes) @ _unit(gallery.vectors).T
    else:
        squares = np.sum(probes**2, axis=1)[:, None] + np.sum(gallery.vectors**2, axis=1)[None, :]
        each = 1.0 - np.sqrt(np.maximum(squares - 2.0 * probes @ gallery.vectors.T, 0.0))
    best = np.full((len(probes), len(gallery.person_ids)), -np.inf, np.float32)
    np.maximum.at(best.T, gallery.owners, each.T.astype(np.float32))
    return best


def rank(gallery: Gallery, probes: NDArray[np.float32]) -> list[tuple[Candidate, ...]]:
    """The two best persons of every probe, best first; fewer if fewer are enrolled."""
    answers: list[tuple[Candidate, ...]] = []
    for row in scores(gallery, probes):
        order = np.argsort(-row)[:2]
        answers.append(tuple(Candidate(gallery.person_ids[i], gallery.names[i], float(row[i])) for i in order))
    return answers


def score(a: Vector, b: Vector, metric: Metric) -> float:
    """Score of two single vectors."""
    if metric is Metric.COSINE:
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    return float(1.0 - np.linalg.norm(a - b))


def confusable(gallery: Gallery, faces: Sequence[tuple[str, Rows]], limit: int = 5) -> tuple[ConfusablePair, ...]:
    """The pairs of persons whose faces (as given to `build`) resemble the other person most, worst first."""
    places = {person_id: index for index, person_id in enumerate(gallery.person_ids)}
    table = np.full((len(places), len(places)), -np.inf, np.float32)
    for person_id, vectors in faces:
        if person_id in places:
            row = table[places[person_id]]
            np.maximum(row, scores(gallery, vectors.mean(axis=0, keepdims=True))[0], out=row)
    table = np.maximum(table, table.T)
    rows, columns = np.triu_indices(len(places), 1)
    order = np.argsort(-table[rows, columns])[:limit]
    return tuple(
        ConfusablePair(gallery.names[rows[i]], gallery.names[columns[i]], float(table[rows[i], columns[i]]))
        for i in order
    )


def build(metric: Metric, persons: Sequence[tuple[str, str]], faces: Sequence[tuple[str, Rows]]) -> Gallery:
    """The gallery of `persons` (id, name) from `faces`: person id and (n, d) vectors of one face's renderings.

    A person is the mean of their faces, a face the mean of its renderings: measured, that tells strangers apart better
    than keeping the faces (docs/recognition.md). People without faces are left out.
    """
    own: dict[str, list[Vector]] = {person_id: [] for person_id, _ in persons}
    for person_id, vectors in faces:
        if person_id in own:
            own[person_id].append(np.asarray(vectors.mean(axis=0), np.float32))
    known = [(person_id, name) for person_id, name in persons if own[person_id]]
    if not known:
        return Gallery.empty(metric)
    means = [np.mean(own[person_id], axis=0) for person_id, _ in known]
    return Gallery(
        0,
        metric,
        tuple(person_id for person_id, _ in known),
        tuple(name for _, name in known),
        np.stack(means).astype(np.float32),
        np.arange(len(known)),
    )


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-12), np.float32)
