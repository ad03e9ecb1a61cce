"""Faces in a picture that somebody sent, and pictures that somebody asked for."""

from __future__ import annotations

from uSense.schema import Branch


class Pixels(Branch):
    """Where a face is, in pixels from the top left corner."""

    x: int
    """Left edge."""
    y: int
    """Upper edge."""
    w: int
    """Width."""
    h: int
    """Height."""


class Candidate(Branch):
    """A person whom a face may show."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    score: float
    """Similarity; higher is better."""


class FoundFace(Branch):
    """A face in a picture and who it is by one look."""

    box: Pixels
    """Where it is."""
    person_id: str | None
    """Id of the person; null if unknown."""
    name: str | None
    """Name of the person; null if unknown."""
    reason: str
    """Why it was decided so, in one word."""
    quality: float
    """How usable the face is, 0 to 1."""
    candidates: list[Candidate]
    """The likest persons, best first."""


class FoundFaces(Branch):
    """The faces in a picture, each with its box in pixels, name, reason, quality and candidates."""

    faces: list[FoundFace]
    """All faces, largest first."""


class Comparison(Branch):
    """Whether two pictures show the same person."""

    same: bool
    """Whether the score reaches the threshold."""
    score: float
    """Similarity; higher is better."""
    threshold: float
    """The least score of the same person."""


class Snapshot(Branch):
    """A picture of a camera."""

    camera: str
    """Name of the camera."""
    captured_at: str
    """When it was taken; RFC 3339, UTC."""
    width: int
    """Pixels from left to right."""
    height: int
    """Pixels from top to bottom."""
    image: str
    """The picture: JPEG, base64."""
