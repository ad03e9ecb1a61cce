"""Faces of which was said that they are not somebody's: they compete whenever that person would be named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from uSense.core.models import Answer, Embedding
from uSense.core.visitors import likeness
from uSense.core.voting import Reason, Vote

MOST = 20
"""Such faces kept of a person and a model; the oldest leaves."""


@dataclass(frozen=True, slots=True, eq=False)
class Rejection:
    """A face that is not this person's."""

    rejection_id: str
    person_id: str
    face: Embedding


@dataclass(slots=True)
class Rejections:
    """All of them."""

    kept: dict[str, list[Rejection]] = field(default_factory=dict)
    """By person, oldest first."""

    def replace(self, kept: Iterable[Rejection]) -> None:
        """These are all there are."""
        self.kept.clear()
        for one in kept:
            self.add(one)

    def add(self, new: Rejection) -> None:
        """One more."""
        self.kept.setdefault(new.person_id, []).append(new)
        alike = [one for one in self.kept[new.person_id] if one.face.model == new.face.model]
        for one in alike[:-MOST]:
            self.kept[new.person_id].remove(one)

    def remove(self, *rejection_ids: str) -> None:
        """So many less."""
        for person_id, kept in self.kept.items():
            self.kept[person_id] = [one for one in kept if one.rejection_id not in rejection_ids]

    def against(self, person_id: str, face: Embedding, score: float, margin: float) -> list[Rejection]:
        """Those that a face is nearer to than to the person, whom it is like by `score`, or almost."""
        return [one for one in self.kept.get(person_id, ()) if likeness(one.face, face) >= score - margin]

    def weighed(self, vote: Vote, answer: Answer, margin: float) -> Vote:
        """The vote; it is nobody's if the face is nearer to a rejected one than to the person, or almost."""
        if vote.candidate is None or answer.embedding is None:
            return vote
        rivals = self.against(vote.candidate.person_id, answer.embedding, vote.candidate.score, margin)
        return rejected(vote) if rivals else vote


def rejected(vote: Vote) -> Vote:
    """The vote as one for nobody."""
    return replace(vote, candidate=None, reason=Reason.REJECTED_BEFORE)
