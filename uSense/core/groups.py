"""Served groups: galleries of their own that clients of the served Azure Face contract make and fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from uSense.core.errors import ConflictError
from uSense.core.matching import Rows

GroupKind: TypeAlias = Literal["persongroups", "largepersongroups"]
"""The two families, each with ids of its own: the word of the path, in lower case."""
TrainingState: TypeAlias = Literal["never", "running", "succeeded", "failed"]
"""`never`: no training was asked for."""

MOST_GROUPS = 1_000
"""Groups of one kind."""
MOST_PERSONS = 10_000
"""Persons of one group."""
MOST_FACES_OF_PERSON = 248
"""Faces of one person."""
MOST_BYTES = 128 << 20
"""Bytes that the database may have when a person or a face comes: every backup holds it in memory, several times."""


class GroupKey(NamedTuple):
    """What a group is found by; `group_id` is the client's choice."""

    kind: GroupKind
    group_id: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `model` is the client's word for its recognition model, `user_data` None if none was given."""

    key: GroupKey
    name: str
    user_data: str | None
    model: str


@dataclass(frozen=True, slots=True)
class GroupPerson:
    """A person of a group; faces in the order they were added."""

    person_id: str
    name: str
    user_data: str | None = None
    face_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupFace:
    """A face of a person of a group."""

    face_id: str
    user_data: str | None = None


class GroupTemplate(NamedTuple):
    """All vectors of one face by one model, (n, d): the plain one first."""

    person_id: str
    face_id: str
    vectors: Rows


class GroupPlace(NamedTuple):
    """Where a face is."""

    key: GroupKey
    person_id: str
    face_id: str


@dataclass(frozen=True, slots=True)
class GroupTraining:
    """State of a group's training; moments are wall-clock seconds.

    `created` is when the last training was asked for, `last_action` when its state changed, `last_success` when one
    succeeded last, `message` why it failed.
    """

    state: TrainingState = "never"
    created: float | None = None
    last_action: float | None = None
    last_success: float | None = None
    message: str = ""


class FullError(ConflictError):
    """A bound is reached; `code` is too_many_groups, too_many_persons or too_many_faces."""

    def __init__(self, kind: Literal["groups", "persons", "faces"], bound: str) -> None:
        super().__init__(f"no more {kind}: {bound}, and that is the most", code=f"too_many_{kind}")


class GroupExistsError(ConflictError):
    """The id is taken in this family."""

    code = "group_exists"

    def __init__(self, key: GroupKey) -> None:
        super().__init__(f"there is already a group {key.group_id!r}")
