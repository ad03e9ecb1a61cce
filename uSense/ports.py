"""The seams of uSense: what the pipeline and the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from uSense.core.events import Event, Notice
from uSense.core.matching import Gallery, Metric
from uSense.core.models import (
    Answer,
    Erasure,
    Face,
    Frame,
    Person,
    Picture,
    Probe,
    Renewal,
    Training,
    Vector,
)
from uSense.core.voting import DecisionRules


class Camera(Protocol):
    """An open source of pictures. A settings class opens it: `async with settings.open(name) as camera`."""

    skipped: int
    """Frames that a newer one replaced before anybody read them."""

    async def read(self, after: float = 0.0) -> Frame:
        """Wait for a frame that is newer than the last one read and of the monotonic second `after` or later.

        Returns the newest one; raises CameraError.
        """


class Detector(Protocol):
    """Finds faces. Not shared: each detect worker opens its own."""

    model: str
    """Name of the model, as shown in `usense/info`."""

    async def detect(self, picture: Picture) -> list[Face]:
        """All faces, largest first, boxes and landmarks in pixels of the whole picture; never blocks the loop."""


@dataclass(frozen=True, slots=True)
class AddedFace:
    """A face that was kept: its id, and a warning in plain words if it looks doubtful."""

    face_id: str
    warning: str = ""


class Recognizer(Protocol):
    """A backend that identifies faces and keeps the gallery. Raises RecognizerError, NotFoundError, ConflictError."""

    kind: str
    """`local` or `azure`, as shown in `decision.recognizer`."""
    model: str
    """Name of the embedding model."""
    rules: DecisionRules
    """The decision rules that fit this backend's scores."""

    async def identify(self, probes: Sequence[Probe]) -> list[Answer]:
        """One answer a probe, in order. Awaiting it is the back-pressure: a rate limit lives in here."""

    async def compare(self, a: Probe, b: Probe) -> float:
        """Score of two faces, on the scale of `rules.threshold`."""

    async def likeness(self, probe: Probe, person_id: str) -> float:
        """Score of a face against one person; RequestError `not_trained` if the gallery in use does not know them."""

    async def people(self) -> list[Person]:
        """All enrolled persons, by name."""

    async def create_person(self, name: str, user_data: str = "") -> Person:
        """Add a person without faces."""

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        """Change what is given; takes effect at once, without a training."""

    async def delete_person(self, person_id: str) -> Erasure:
        """Forget a person and all of their faces, at once; returns what was erased and what could not be."""

    async def merge_people(self, person_id: str, into: str) -> Person:
        """Give all faces of one person to another, and forget the first; the faces count from the next training on."""

    async def add_face(self, person_id: str, probe: Probe, *, force: bool = False) -> AddedFace:
        """Keep a face for the next training; a face that is clearly somebody else's is refused unless `force`."""

    async def delete_face(self, person_id: str, face_id: str) -> None:
        """Drop one face; takes effect at the next training."""

    async def train(self) -> Training:
        """Fix a new gallery version from all kept faces and use it; on failure the old one stays."""

    async def renew(self, told: Callable[[Renewal], None], *, pace: float = 1.0) -> Renewal:
        """Make the templates that the model in use lacks from the kept crops; `told` of each; a training uses them.

        After each face it rests `pace` times as long as the face took. Interrupted, it goes on where it was.
        """

    async def drop_crops(self, person_id: str | None = None) -> int:
        """Erase the kept crops of one person or of all; returns how many there were."""

    async def training(self) -> Training:
        """State of the last training."""

    async def refresh(self) -> bool:
        """Notice what another process changed; True when people or gallery are new."""


@dataclass(frozen=True, slots=True)
class Template:
    """An embedding kept for a person, tagged with the model that made it."""

    face_id: str
    person_id: str
    model: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class Parcel:
    """A person on the way to another vault, with everything that is kept of them, decrypted."""

    person_id: str
    name: str
    user_data: str
    faces: tuple[ParcelFace, ...]


@dataclass(frozen=True, slots=True)
class ParcelFace:
    """One face: its crop, if one is kept, and its vectors by model."""

    face_id: str
    crop: bytes | None = field(repr=False)
    templates: Mapping[str, Sequence[Vector]] = field(repr=False)


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

        User data moves only where there is none. Erasing the other later counts for both.
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

    async def use(self, model: str) -> None:
        """From now on `people` tells who is trained by, and who must be enrolled again for, this model."""

    async def lacking(self, model: str) -> list[tuple[str, str]]:
        """Person and face id of every face that has a crop and no template of `model`, in the order they were added."""

    async def crop(self, person_id: str, face_id: str) -> bytes:
        """The kept crop of a face; NotFoundError if there is none."""

    async def renew_template(self, person_id: str, face_id: str, model: str, vectors: Sequence[Vector]) -> None:
        """Keep the vectors of a face by one more model."""

    async def renewed(self, model: str) -> bool:
        """Whether templates of `model` were renewed since its last gallery was saved."""

    async def drop_crops(self, person_id: str | None = None) -> int:
        """Erase the crops of one person, or of all; returns how many there were."""

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
    """A backup that was written."""

    path: Path
    size: int
    people: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup brought: who is there now, who was there before and is not in it, and who stays erased."""

    made_at: str
    people: tuple[str, ...]
    gone: tuple[str, ...] = ()
    erased: int = 0


class Archive(Protocol):
    """Copies of everything that is kept of people, encrypted. Raises StorageError and RequestErrors."""

    async def keep(self, kind: Literal["auto", "asked"]) -> Backup:
        """Write a backup into the data folder, locked with its key file; the oldest of its kind leave."""

    async def due(self, now: float) -> bool:
        """Whether the newest automatic backup is too old at `now` (wall clock seconds), or of an older gallery."""

    async def damage(self) -> str:
        """What was found damaged and moved aside in the data folder, in plain words; empty if nothing was."""


class Outbox(Protocol):
    """Takes events for the outside; never waits."""

    def post(self, event: Event) -> None:
        """Put it where its kind belongs; what is full drops by its written policy and counts."""


class Journal(Protocol):
    """Lasting notices on disk until the broker has them: at most 10,000, the oldest leaves."""

    dropped: int
    """Notices that left undelivered because newer ones needed the room."""

    async def append(self, notice: Notice) -> int:
        """Store it; returns its number."""

    async def pending(self, limit: int) -> list[tuple[int, Notice]]:
        """The oldest ones, with their numbers."""

    async def done(self, number: int) -> None:
        """The broker has it: delete."""
