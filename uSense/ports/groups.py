"""The seam to served groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from uSense.core.groups import (
    Group,
    GroupFace,
    GroupKey,
    GroupKind,
    GroupPerson,
    GroupPlace,
    GroupTemplate,
    GroupTraining,
)
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Vector


class Groups(Protocol):
    """Galleries that clients of the served contract make, on disk, apart from the people of the house.

    Raises StorageError, NotFoundError of a `group`, `person` or `face`, and the ConflictErrors of `core.groups`. Lists
    ascend by id as plain strings and begin behind `start`.
    """

    async def create_group(self, group: Group) -> None:
        """Add an empty group; GroupExistsError, FullError."""

    async def group(self, key: GroupKey) -> Group:
        """The group itself."""

    async def update_group(self, key: GroupKey, *, name: str | None = None, user_data: str | None = None) -> None:
        """Change what is given."""

    async def delete_group(self, key: GroupKey) -> int:
        """Erase the group with all its persons; returns how many there were."""

    async def groups(self, kind: GroupKind, start: str = "", top: int = 1000) -> list[Group]:
        """The next groups of a kind, at most `top`."""

    async def create_person(self, key: GroupKey, name: str, user_data: str | None = None) -> str:
        """Add a person with a key of their own; returns their id; FullError."""

    async def person(self, key: GroupKey, person_id: str) -> GroupPerson:
        """One person."""

    async def persons(self, key: GroupKey, start: str = "", top: int = 1000) -> list[GroupPerson]:
        """The next persons of a group, at most `top`."""

    async def update_person(
        self, key: GroupKey, person_id: str, *, name: str | None = None, user_data: str | None = None
    ) -> None:
        """Change what is given."""

    async def delete_person(self, key: GroupKey, person_id: str) -> None:
        """Erase a person: key, faces, crops, templates and their part of the gallery."""

    async def add_face(
        self,
        key: GroupKey,
        person_id: str,
        model: str,
        vectors: Sequence[Vector],
        *,
        user_data: str | None = None,
        crop: bytes | None = None,
    ) -> str:
        """Keep a face by its vectors, `model` the embedder that made them; returns its id; FullError."""

    async def face(self, key: GroupKey, person_id: str, face_id: str) -> GroupFace:
        """One face."""

    async def update_face(self, key: GroupKey, person_id: str, face_id: str, user_data: str | None) -> None:
        """Set its user data."""

    async def delete_face(self, key: GroupKey, person_id: str, face_id: str) -> None:
        """Drop one face; the gallery keeps it until the next training."""

    async def templates(self, key: GroupKey, model: str, person_id: str | None = None) -> list[GroupTemplate]:
        """The vectors of all faces of a group, or of one person, by one model, decrypted; person by person."""

    async def training(self, key: GroupKey) -> GroupTraining:
        """State of the last training."""

    async def set_training(self, key: GroupKey, training: GroupTraining) -> None:
        """Keep the state of a training."""

    async def save_gallery(self, key: GroupKey, model: str, gallery: Gallery, training: GroupTraining) -> None:
        """Replace the gallery by what a training fixed, and keep its state; who was erased meanwhile is left out."""

    async def load_gallery(self, key: GroupKey, model: str, metric: Metric) -> Gallery | None:
        """What the last successful training fixed, under the names of now; None if there was none by this model."""

    async def mark(self, key: GroupKey, model: str) -> str:
        """Another text whenever another process trained, or somebody in the gallery was erased; empty without one.

        Cheap: to be compared before a gallery held in memory is asked.
        """

    async def lacking(self, model: str, key: GroupKey | None = None) -> list[GroupPlace]:
        """All faces that have a crop and no template of `model`, of one group or of all."""

    async def crop(self, place: GroupPlace) -> bytes:
        """The kept crop of a face; NotFoundError if there is none."""

    async def renew(self, place: GroupPlace, model: str, vectors: Sequence[Vector]) -> None:
        """Keep the vectors of a face by one more model."""
