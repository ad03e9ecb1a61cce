"""People, their faces, and what was erased with them."""

from __future__ import annotations

from uSense.schema import Branch


class PersonSummary(Branch):
    """A person, as on `usense/people`."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    faces: int
    """Number of faces that are kept."""
    trained: bool
    """Whether the gallery in use knows all of these faces."""
    enroll_again: bool
    """Whether nothing is kept of this person that the model in use can compare."""


class PersonDetails(PersonSummary):
    """A person with all that is kept."""

    user_data: str
    """What was given to be kept with the person."""
    face_ids: list[str]
    """Ids of the faces."""
    remote_id: str = ""
    """Id of the person at Azure; only if there is one."""


class Erased(Branch):
    """What was erased, by kind."""

    faces: int
    """Faces."""
    templates: int
    """Templates of these faces."""
    crops: int
    """Crops of these faces."""
    galleries: int
    """Versions of the gallery."""
    notices: int
    """Messages that waited for the broker."""
    backups: int | None
    """Backups in the data folder out of which the person was taken; null if nobody counted them."""
    elsewhere: list[str] | None = None
    """Clouds at which the person was erased, too; only if there are any."""


class Receipt(Branch):
    """What was erased, and what could not be."""

    erased: Erased
    """What was erased, by kind."""
    left: list[str]
    """What could not be erased, in plain words."""


class Erasure(Receipt):
    """The receipt of an erased person."""

    person_id: str
    """Id that the person had."""
    name: str
    """Name that the person had."""
    faces: int
    """Number of faces that were kept."""


class FaceKept(Branch):
    """A face that was kept."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    face_id: str
    """Id of the face."""
    quality: float
    """How usable the face is, 0 to 1."""
    warning: str
    """What is doubtful about it, in plain words; empty if nothing is."""
