"""Who is there."""

from __future__ import annotations

from typing import Literal

from uSense.schema import Branch


class PersonPresence(Branch):
    """Where a person is."""

    state: Literal["present", "absent", "unknown"]
    """Whether a camera sees them; unknown while those that could tell are lost, and at the start."""
    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    cameras: list[str]
    """Cameras that see them."""
    since: str
    """When the state changed; RFC 3339, UTC."""
    seq: int
    """Number in the order of changes, rising while the service runs."""


class HousePresence(Branch):
    """Who is in sight of any camera."""

    names: list[str]
    """Names of the people who are present."""
    person_ids: list[str]
    """Their ids, in the same order."""
    unknown: int | None
    """How many unknown people are in sight; null if no camera can tell."""
    uncertain: list[str]
    """Names of the people whose state is unknown."""


class CameraPeople(Branch):
    """Who is in sight of a camera."""

    count: int | None
    """How many people, known or not; null while the camera is offline."""
    names: list[str]
    """Names of those who are known."""
    unknown: int | None
    """How many are not; null while the camera is offline."""
    last_at: str | None
    """When it saw somebody last, as of this message; RFC 3339, UTC; null if not since the start."""
    last_name: str | None
    """Name of that person; null for an unknown one."""


class PersonArrived(Branch):
    """Somebody came."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    camera: str
    """Camera that saw them."""
    since: str
    """When; RFC 3339, UTC."""


class PersonLeft(Branch):
    """Somebody is not seen any more, or never was there."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""
    camera: str | None
    """Camera that saw them last; null if none did since the service was started."""
    since: str
    """Since when they had been there; RFC 3339, UTC."""
    last_at: str | None
    """When they were seen last; RFC 3339, UTC; null if not since the service was started."""
    reason: Literal["not_seen", "corrected"]
    """Whether they were not seen for the time-out, or were taken for somebody else."""
