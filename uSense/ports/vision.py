"""The seams to cameras, detectors and recognizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from uSense.core.findings import Finding
from uSense.core.judging import DecisionRules
from uSense.core.models import Answer, Embedding, Erasure, Face, Frame, Person, Picture, Probe, Renewal, Training


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


@dataclass(frozen=True, slots=True)
class Habits:
    """How a recognizer wants to be asked: one whose calls are few waits for the best view and decides on it."""

    looks: int | None = None
    """Looks that decide a track; None: as many as the voting rules say."""
    ripen: float = 0.0
    """Seconds in which a better view of a face may replace the one that waits."""
    at_once: int = 1
    """Calls of `identify` that may be under way together."""
    most: int = 10
    """Faces of such a call at most: who is under way cannot make place for somebody newer any more."""


class Recognizer(Protocol):
    """A backend that identifies faces and keeps the gallery. Raises RecognizerError, NotFoundError, ConflictError."""

    kind: str
    """`local` or `azure`, as shown in `decision.recognizer`."""
    model: str
    """Name of the embedding model."""
    rules: DecisionRules
    """The decision rules that fit this backend's scores."""
    habits: Habits
    """How it wants to be asked."""

    @property
    def problem(self) -> str:
        """What is wrong with it although it may still answer, in plain words; empty if nothing is."""

    def detector(self, local: Detector) -> Detector:
        """What the pictures of cameras are to be given to: the configured detector, or one of its own."""

    def quota(self) -> Mapping[str, Any] | None:
        """What health shows as `quota`: the calls made and left; None without a limit."""

    async def identify(self, probes: Sequence[Probe]) -> list[Answer]:
        """One answer a probe, in order. Awaiting it is the back-pressure: a rate limit lives in here."""

    async def resembling(self, faces: Sequence[Embedding]) -> list[Answer]:
        """What is said now of faces with embeddings of earlier answers; nobody where the model is another one."""

    async def compare(self, a: Probe, b: Probe) -> float:
        """Score of two faces, on the scale of `rules.threshold`."""

    async def likeness(self, probe: Probe, person_id: str) -> float:
        """Score of a face against one person; RequestError `not_trained` if the gallery in use does not know them."""

    async def people(self) -> list[Person]:
        """All enrolled persons, by name."""

    async def known(self) -> set[str]:
        """Ids of the kept faces that it can use, now or after a training."""

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

    async def checkup(self) -> list[Finding]:
        """Whether it can work, for `usense doctor`; raises ModelError and StorageError."""

    async def refresh(self) -> bool:
        """Notice what another process changed; True when people or gallery are new."""
