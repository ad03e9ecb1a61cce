"""The seams of uSense: what the pipeline and the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from uSense.core.events import Event, Notice
from uSense.core.matching import Gallery, Metric
from uSense.core.models import Answer, Face, Frame, Person, Picture, Probe, Training, Vector
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

    async def delete_person(self, person_id: str) -> None:
        """Forget a person and all of their faces, at once."""

    async def add_face(self, person_id: str, probe: Probe, *, force: bool = False) -> AddedFace:
        """Keep a face for the next training; a face that is clearly somebody else's is refused unless `force`."""

    async def delete_face(self, person_id: str, face_id: str) -> None:
        """Drop one face; takes effect at the next training."""

    async def train(self) -> Training:
        """Fix a new gallery version from all kept faces and use it; on failure the old one stays."""

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


class Vault(Protocol):
    """People, their encrypted templates and the gallery versions, on disk. Raises StorageError and RequestErrors."""

    async def people(self) -> list[Person]:
        """All persons, by name."""

    async def create_person(self, name: str, user_data: str = "") -> Person:
        """Add a person with a key of their own; ConflictError if the name (case-folded, NFC) is taken."""

    async def update_person(self, person_id: str, *, name: str | None = None, user_data: str | None = None) -> Person:
        """Change what is given."""

    async def delete_person(self, person_id: str) -> None:
        """Delete the person, their key, templates and their part of every gallery version."""

    async def add_template(self, person_id: str, model: str, vectors: Sequence[Vector]) -> str:
        """Keep one face's vectors (plain first, then mirrored and jittered ones); returns the new face id."""

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
