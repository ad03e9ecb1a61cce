"""The seams to what is kept of the people of the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from uSense.core.matching import Gallery, Metric
from uSense.core.models import Erasure, Person, Training, Vector
from uSense.core.mypage import Page
from uSense.ports.twins import Twins


@dataclass(frozen=True, slots=True)
class Template:
    """An embedding kept for a person, tagged with the model that made it."""

    face_id: str
    person_id: str
    model: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class Snap:
    """A kept face: when it was added (seconds since 1970; None if nobody knows), and whether its crop is there."""

    face_id: str
    added_at: int | None
    pictured: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """A person on the way to another vault, with everything that is kept of them, decrypted."""

    person_id: str
    name: str
    user_data: str
    faces: tuple[ParcelFace, ...]
    page: str = ""
    """Their own page, as text."""


@dataclass(frozen=True, slots=True)
class ParcelFace:
    """One face: its crop, if one is kept, and its vectors by model."""

    face_id: str
    crop: bytes | None = field(repr=False)
    templates: Mapping[str, Sequence[Vector]] = field(repr=False)
    added_at: int | None = field(default=None, compare=False)
    """When it was kept first, in seconds since 1970; not known of one from another vault."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a parcel: the person here, and how many of its faces are new; none if they were erased here.

    `refused` counts those for which the person has no room any more.
    """

    person: Person | None
    faces: int
    refused: int = 0


class Vault(Protocol):
    """People, their encrypted templates and the gallery versions, on disk. Raises StorageError and RequestErrors."""

    async def people(self) -> list[Person]:
        """All persons, by name."""

    async def create_person(self, name: str, user_data: str = "") -> Person:
        """Add a person with a key of their own; ConflictError if the name (case-folded, NFC) is taken."""

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        """Change what is given."""

    async def delete_person(self, person_id: str) -> Erasure:
        """Erase the person: key, faces, crops, templates, their part of every gallery version, notices about them."""

    async def merge_people(self, person_id: str, into: str) -> Person:
        """Give all faces of one person to another, and drop the first; ConflictError if they are the same.

        User data and the own page move only where there is none. Erasing the other later counts for both.
        """

    async def pack(self, person_ids: Sequence[str]) -> list[Parcel]:
        """Everything kept of these persons, in this order."""

    async def unpack(self, parcel: Parcel, *, erased: bool = False) -> Arrival:
        """Take a person in: the faces that are missing here; RequestErrors of names.

        The person has the same id as where they came from; if they are here already, name and user data stay. A name
        that somebody else has gets a number. Who was erased here does not come back, unless `erased`, as somebody new.
        A person's first MOST_FACES faces are kept, those that are here before those that come.
        """

    async def add_template(
        self, person_id: str, model: str, vectors: Sequence[Vector], crop: bytes | None = None
    ) -> str:
        """Keep one face's vectors (plain first, then mirrored and jittered ones) and crop; returns the new face id."""

    async def add_face(self, person_id: str, crop: bytes | None) -> str:
        """Keep one face without vectors, for a backend that makes its own; returns the new face id."""

    async def use(self, model: str) -> None:
        """From now on `people` tells who is trained by, and who must be enrolled again for, this model."""

    async def lacking(self, model: str) -> list[tuple[str, str]]:
        """Person and face id of every face that has a crop and no template of `model`, in the order they were added."""

    async def crop(self, person_id: str, face_id: str) -> bytes:
        """The kept crop of a face; NotFoundError if there is none."""

    async def snaps(self, person_id: str) -> list[Snap]:
        """What is known of the faces of a person, in the order they were added."""

    async def renew_template(self, person_id: str, face_id: str, model: str, vectors: Sequence[Vector]) -> None:
        """Keep the vectors of a face by one more model."""

    async def renewed(self, model: str) -> bool:
        """Whether templates of `model` were renewed since its last gallery was saved."""

    async def drop_crops(self, person_id: str | None = None) -> int:
        """Erase the crops of one person, or all, those of served groups included; returns how many there were."""

    async def delete_template(self, person_id: str, face_id: str) -> None:
        """Drop one face."""

    async def templates(self, model: str) -> list[Template]:
        """All vectors made by `model`, decrypted; faces with several vectors give several templates."""

    async def save_gallery(
        self, gallery: Gallery, *, model: str, report: Training, built_from: Sequence[Template] | None = None
    ) -> Training:
        """Store a new version in one transaction and make it current; returns the report with its version number.

        `built_from` is what `templates` returned: GalleryChangedError if those are not the faces of `model` kept now,
        so that no training undoes what another process did meanwhile. Without it persons deleted meanwhile are left
        out, and the gallery counts as made from the faces kept now.
        """

    async def load_gallery(self, model: str, metric: Metric) -> tuple[Gallery, Training]:
        """The current version for `model`; an empty gallery of version 0 if there was no training."""

    async def changed(self) -> bool:
        """True once after another process wrote to the database."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written: its size in bytes, how many people are in it, and persons of served groups."""

    path: Path
    size: int
    people: int
    served: int = 0


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup brought: who is there now, who was there before and is not in it, and how many stay erased.

    `served` counts the persons of served groups who are there now.
    """

    made_at: str
    people: tuple[str, ...]
    gone: tuple[str, ...] = ()
    erased: int = 0
    served: int = 0


class Archive(Protocol):
    """Copies of everything that is kept of people, encrypted. Raises StorageError and RequestErrors."""

    async def keep(self, kind: Literal["auto", "asked"]) -> Backup:
        """Write a backup into the data folder, locked with its key file; the oldest of its kind leave."""

    async def due(self, now: float) -> bool:
        """Whether the newest automatic backup is too old at `now` (wall clock seconds), or of an older gallery."""

    async def damage(self) -> str:
        """What was found damaged and moved aside in the data folder, in plain words; empty if nothing was."""


class Pages(Protocol):
    """What people see at a kiosk; goes with its person. Raises StorageError and NotFoundError."""

    async def page(self, person_id: str) -> Page:
        """A person's page, which may be empty."""

    async def keep(self, person_id: str, page: Page) -> None:
        """Replace it."""


class House(Protocol):
    """Everything that is kept of the people of the house."""

    @property
    def vault(self) -> Vault:
        """The people, their templates and galleries."""

    @property
    def twins(self) -> Twins:
        """Their copies at a cloud backend."""

    @property
    def folder(self) -> Path:
        """Where it is kept."""
