"""Guided enrollment: its replies and events."""

from __future__ import annotations

from typing import Literal

from uSense.core.prompts import Cue, Ending
from uSense.schema import Branch


class EnrollmentStarted(Branch):
    """An enrollment that began."""

    enrollment_id: str
    """Its id, in all of its events."""
    camera: str
    """Name of the camera."""
    name: str
    """Name of the person."""
    person_id: str | None
    """Id of the person, null if nobody has that name yet."""
    steps: int
    """Number of faces that will be taken."""


class EnrollmentCanceled(Branch):
    """The enrollment that was under way."""

    enrollment_id: str | None
    """Its id, null if there was none; `enroll.finished` follows."""


class EnrollPrompt(Branch):
    """Something to be spoken to the person in front of the camera."""

    enrollment_id: str
    """Id of the enrollment."""
    camera: str
    """Name of the camera."""
    code: Cue
    """What is said, in one word that stays as it is."""
    text: str
    """The words to be spoken, in English."""
    step: int
    """Number of faces that were taken."""
    steps: int
    """Number of faces that will be taken."""


class Alike(Branch):
    """An enrolled person whom the new one could be confused with."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    score: float
    """Highest score of a face against them."""


class EnrollFinished(Branch):
    """How an enrollment ended; unless it succeeded, nothing was saved."""

    enrollment_id: str
    """Id of the enrollment."""
    camera: str
    """Name of the camera."""
    state: Literal["succeeded", "refused", "canceled", "failed"]
    """Whether the faces were kept, and if not, why in one word."""
    code: Ending
    """The same in more detail."""
    text: str
    """The words to be spoken, in English."""
    person_id: str | None
    """Id of the person, null if there is none."""
    name: str
    """Name of the person."""
    faces: int
    """Number of faces that were kept."""
    alike: list[Alike]
    """Whom the person could be confused with, highest score first."""
