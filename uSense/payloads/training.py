"""What a training found."""

from __future__ import annotations

from typing import Literal

from uSense.schema import Branch


class Pair(Branch):
    """Two persons whose faces are alike."""

    a: str
    """Name of one."""
    b: str
    """Name of the other."""
    score: float
    """Highest score of a face of one against the other."""


class Weak(Branch):
    """A face that does not look like its person's others."""

    name: str
    """Name of the person."""
    face_id: str
    """Id of the face."""
    score: float
    """Its likeness to the others."""


class Check(Branch):
    """What leaving out each face showed."""

    faces: int
    """Faces that were asked about as strangers."""
    complete: bool
    """Whether it was all of them, not a sample."""
    known: int
    """Faces that were asked about with the rest of their person in the gallery."""
    right: int
    """Those of the known that got the right name."""
    wrong: int
    """Those of the known that got another's name."""
    strangers_named: int
    """Those of the strangers that got a name."""
    advice: Literal["keep", "raise", "lower", "none"]
    """What to do with the threshold."""
    threshold: float
    """The advised threshold."""
    text: str
    """The reason for the advice in one sentence."""


class Training(Branch):
    """The report of a training."""

    state: Literal["never", "running", "succeeded", "failed"]
    """How it stands."""
    gallery: int
    """Number of the gallery version."""
    persons: int
    """Persons in the gallery."""
    faces: int
    """Faces in the gallery."""
    seconds: float
    """Seconds that the training took."""
    finished_at: str | None
    """When it ended; RFC 3339, UTC."""
    message: str
    """What went wrong, in plain words."""
    confusable: list[Pair]
    """The pairs hardest to tell apart."""
    weak: list[Weak]
    """Faces that do not look like their person's others."""
    check: Check | None
    """What leaving out each face showed; null if it was not done."""
