"""The values that travel through uSense. All frozen; pictures are numpy arrays that nobody changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from uSense.core.judging import Judge

Rgb: TypeAlias = NDArray[np.uint8]
"""(height, width, 3), red first."""
Gray: TypeAlias = NDArray[np.uint8]
"""(height, width)."""
Vector: TypeAlias = NDArray[np.float32]
"""(d,), one embedding as its model defines it."""
Landmarks: TypeAlias = NDArray[np.float32]
"""(5, 2) pixels x, y: right eye, left eye, nose tip, right and left mouth corner (the person's own right and left)."""
Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels."""


class Metric(StrEnum):
    """How a model's vectors are compared; scores are higher-is-better in both cases."""

    EUCLIDEAN = "euclidean"
    """score = 1 - distance (dlib's net)."""
    COSINE = "cosine"
    """score = cosine of the angle (ArcFace-like nets)."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A face as numbers; only those of one model can be compared."""

    model: str
    metric: Metric
    vector: Vector


class Picture(Protocol):
    """One picture that is converted only when, and only as large as, somebody needs it."""

    @property
    def size(self) -> Size:
        """Width and height of the whole picture."""

    def rgb(self, fit: Size | None = None) -> Rgb:
        """The picture in color, shrunk (never enlarged) to fit inside `fit`, proportions kept."""

    def gray(self, fit: Size | None = None) -> Gray:
        """The same without color."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the whole picture; it may reach over the picture's edge."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    def scaled(self, factor: float) -> Box:
        """The same rectangle in a picture `factor` times as large."""
        return Box(self.x0 * factor, self.y0 * factor, self.x1 * factor, self.y1 * factor)

    def shifted(self, dx: float, dy: float) -> Box:
        """The same rectangle moved."""
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)


@dataclass(frozen=True, slots=True)
class Face:
    """A face that a detector found; `landmarks` is None from detectors that have none."""

    box: Box
    score: float
    landmarks: Landmarks | None = None
    ref: str = ""
    """What a cloud detector calls it, so that its recognizer need not find it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a camera.

    `captured_at` is wall-clock seconds, `stamp` monotonic seconds: ages are computed from the latter, because a Pi has
    no clock chip. Frames with the same `scene` continue each other; a new number (next photo of a folder, reconnected
    stream) ends all tracks. `luma` is a small gray picture, at most 160 pixels wide, for the motion gate.
    """

    camera: str
    captured_at: float
    stamp: float
    scene: int
    luma: Gray
    picture: Picture


@dataclass(frozen=True, slots=True)
class Shot:
    """A whole picture of a camera, when it was taken (wall-clock seconds), and whether faces are sought in it, too."""

    captured_at: float
    rgb: Rgb
    sought: bool = False


@dataclass(frozen=True, slots=True)
class Quality:
    """How usable a face is. `value` in 0..1 sums it up; `size` is the face's height in pixels of the whole picture."""

    value: float
    size: float
    sharpness: float
    brightness: float
    turned: float | None = None
    noise: float = 0.0


@dataclass(frozen=True, slots=True)
class Probe:
    """A face cut out for a recognizer: the crop with some surroundings, and where the face is in it (crop pixels)."""

    crop: Rgb
    box: Box
    quality: Quality
    landmarks: Landmarks | None = None
    ref: str = ""
    """That of the face."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person a probe may show; `score` as the recognizer defines it, higher is better."""

    person_id: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a recognizer says of one probe: at most two candidates, best first, and the gallery version it asked.

    `judge` is named if somebody else answered for the recognizer that is usually asked: scores have another scale then.
    Candidates with a score below `floor` are not named. `unseen` if the recognizer itself found no face in the probe.
    `embedding` is that of the probe; clouds tell none.
    """

    candidates: tuple[Candidate, ...]
    gallery: int
    judge: Judge | None = None
    floor: float = 0.0
    unseen: bool = False
    embedding: Embedding | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PersonRef:
    """Who a person is, without their faces."""

    person_id: str
    name: str


MOST_FACES = 40
"""Faces kept for one person; more make a person resemble everybody."""


@dataclass(frozen=True, slots=True)
class Person:
    """An enrolled person.

    `trained` tells whether the gallery in use knows all of their faces; `enroll_again` whether the model in use has no
    template of any of their faces, and no crop was kept that it could make one of. `remote_id` is
    that at a cloud backend.
    """

    person_id: str
    name: str
    user_data: str = ""
    face_ids: tuple[str, ...] = ()
    trained: bool = False
    enroll_again: bool = False
    remote_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was erased with a person, and in plain words what could not be (`left`).

    `backups` is None if it is not known how many held the person: the process that erased them died. `elsewhere` names
    the clouds at which they were erased, too.
    """

    faces: int = 0
    templates: int = 0
    crops: int = 0
    galleries: int = 0
    notices: int = 0
    backups: int | None = 0
    elsewhere: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Renewal:
    """Faces that got templates of the model in use from their kept crops: how many of `total`, how many could not.

    `untrained` tells whether the gallery does not know all of those templates yet, also of earlier attempts.
    """

    faces: int = 0
    total: int = 0
    failed: int = 0
    untrained: bool = False


@dataclass(frozen=True, slots=True)
class ConfusablePair:
    """Two persons whose faces are alike: the highest score of a face of one against the other."""

    a: str
    b: str
    score: float


@dataclass(frozen=True, slots=True)
class WeakFace:
    """A kept face that does not look like the other faces of its person; `score` is its likeness to them."""

    name: str
    face_id: str
    score: float


@dataclass(frozen=True, slots=True)
class TriedFace:
    """A kept face that was left out and asked about; whether the rest of its person was enough for the `right` name."""

    name: str
    face_id: str
    right: bool


@dataclass(frozen=True, slots=True)
class Check:
    """What came out when one kept face after the other was left out and asked about, as one look.

    `known` looks were asked of the gallery with the rest of their person, all `faces` of the gallery without the
    person. `advice` is keep, raise, lower or none, `threshold` the advised one and `text` the reason.
    """

    faces: int
    complete: bool
    known: int
    right: int
    wrong: int
    strangers_named: int
    advice: str
    threshold: float
    text: str


@dataclass(frozen=True, slots=True)
class Training:
    """State of the last training: `state` is never, running, succeeded or failed."""

    state: str
    gallery: int = 0
    persons: int = 0
    faces: int = 0
    seconds: float = 0.0
    finished_at: float | None = None
    message: str = ""
    confusable: tuple[ConfusablePair, ...] = ()
    weak: tuple[WeakFace, ...] = ()
    check: Check | None = None
    tried: tuple[TriedFace, ...] = ()

    def renamed(self, names: Mapping[str, str]) -> Training:
        """The same report with new names for old ones; what is about somebody who has none is left out."""
        pairs = (pair for pair in self.confusable if pair.a in names and pair.b in names)
        return replace(
            self,
            confusable=tuple(replace(pair, a=names[pair.a], b=names[pair.b]) for pair in pairs),
            weak=tuple(replace(face, name=names[face.name]) for face in self.weak if face.name in names),
            tried=tuple(replace(face, name=names[face.name]) for face in self.tried if face.name in names),
        )
