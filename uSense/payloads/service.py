"""The running service: what it is, and what it was told to do."""

from __future__ import annotations

from typing import Any

from uSense.schema import Branch


class Info(Branch):
    """What this uSense is, as on `usense/info`."""

    instance: str
    """Name of this uSense."""
    version: str
    """Version of the program."""
    recognizer: str
    """Kind of recognizer: local or azure."""
    model: str
    """Model that makes the embeddings."""
    detector: str
    """Model that finds faces."""
    cameras: list[str]
    """Names of the cameras."""
    settings: dict[str, Any]
    """All settings in effect, with secrets masked."""


class Present(Branch):
    """A person in sight of a camera."""

    name: str
    """Name of the person."""
    person_id: str
    """Id of the person."""
    camera: str
    """Name of the camera."""
    captured_at: str
    """When the deciding picture was taken; RFC 3339, UTC."""
    event_id: str
    """Id of the event that told it."""
    assurance: str
    """low, medium, or high."""


class InfoReply(Info):
    """What this uSense is, and who is in sight."""

    present: list[Present]
    """The persons in sight of a camera now."""


class CameraPaused(Branch):
    """Whether a camera is paused."""

    camera: str
    """Name of the camera."""
    paused: bool
    """Whether it is closed until it is resumed."""


class BackupWritten(Branch):
    """A backup that was written."""

    file: str
    """The file, on the service's machine."""
    bytes: int
    """Its size."""
    people: int
    """Persons in it."""
