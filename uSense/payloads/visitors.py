"""Unknown people who come again, and sightings that were wrong."""

from __future__ import annotations

from typing import Literal

from uSense.schema import Branch


class VisitorSummary(Branch):
    """Somebody unknown who was here more than once."""

    visitor_id: str
    """Id of the visitor."""
    first_seen_at: str
    """When they were seen first; RFC 3339, UTC."""
    last_seen_at: str
    """When they were seen last; RFC 3339, UTC."""
    sightings: int
    """Number of visits."""
    cameras: list[str]
    """Cameras that saw them."""
    faces: int
    """Faces that are kept."""
    ignored: bool
    """Whether their sightings are not told."""
    image: str | None = None
    """The best face as JPEG, base64; only if asked for."""


class VisitorNamed(Branch):
    """A visitor who is somebody now."""

    visitor_id: str
    """Id that the visitor had."""
    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    faces: int
    """How many faces were enrolled."""
    face_ids: list[str]
    """Ids of these faces; `face/delete` takes one back."""
    event_ids: list[str]
    """Events of earlier sightings, at most 50."""


class VisitorFacesKept(Branch):
    """Faces of a visitor that were kept for a person."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    face_ids: list[str]
    """Ids of the faces."""


class VisitorDeleted(Branch):
    """A visitor of whom nothing is kept any more."""

    visitor_id: str
    """Id that the visitor had."""


class SightingRejected(Branch):
    """A sighting that named the wrong person."""

    event_id: str
    """Id of the sighting."""
    person_id: str
    """The person who it was not."""
    name: str
    """Name of that person."""
    rejected: bool
    """Whether it counts as wrong now."""
    corrected: bool
    """Whether the name was taken back from somebody in sight; a `changed` identity told it."""


class NewVisitor(VisitorSummary):
    """Somebody unknown came again."""

    event_ids: list[str]
    """Events of the sightings so far."""


class VisitorHasName(Branch):
    """A visitor was named."""

    visitor_id: str
    """Id that the visitor had."""
    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    event_ids: list[str]
    """Events of earlier sightings, at most 50."""


class VisitorExpired(Branch):
    """A visitor is none any more."""

    visitor_id: str
    """Id that the visitor had."""
    last_seen_at: str
    """When they were seen last; RFC 3339, UTC."""
    reason: Literal["not_seen", "pushed_out", "recognized", "deleted", "merged"]
    """Why."""
    into: str | None = None
    """Visitor who they were; only if `merged`."""
