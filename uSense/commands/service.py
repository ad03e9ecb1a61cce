"""`camera/*`, `backup` and `info`: the running service."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import Field, StrictBool

from uSense.commands.base import Command, Example, Line
from uSense.commands.people import Nothing
from uSense.control import SNAPSHOT_BYTES, Control, present_data
from uSense.payloads.pictures import Snapshot
from uSense.payloads.service import BackupWritten, CameraPaused, InfoReply
from uSense.schema import Branch
from uSense.times import rfc3339


class Which(Branch):
    """A camera of this service."""

    camera: str = Field(default="", max_length=100)
    """Name of the camera in the settings; may be left out if there is only one."""


class Pause(Which):
    """A camera of this service, and what is to be done with it."""

    paused: StrictBool = True
    """`false` opens it again, as `camera/resume` does."""


class Snap(Branch):
    """A picture of a camera."""

    camera: str = Field(default="", max_length=100)
    """Name of the camera; may be left out if there is only one."""
    max_bytes: int = Field(default=SNAPSHOT_BYTES, ge=5_000, le=8_000_000)
    """Bytes of the JPEG at most; it is shrunk to that, and to what the broker takes."""


async def pause(control: Control, asked: Pause) -> dict[str, Any]:
    """Close a camera until it is resumed, or open it again."""
    return {"camera": control.pause(asked.camera, paused=asked.paused), "paused": asked.paused}


async def resume(control: Control, asked: Which) -> dict[str, Any]:
    """Open a paused camera again."""
    return {"camera": control.pause(asked.camera, paused=False), "paused": False}


async def snapshot(control: Control, asked: Snap) -> dict[str, Any]:
    """The next picture of a camera as JPEG."""
    taken = await control.snapshot(asked.camera, asked.max_bytes)
    return {
        "camera": taken.camera,
        "captured_at": rfc3339(taken.captured_at),
        "width": taken.size[0],
        "height": taken.size[1],
        "image": base64.b64encode(taken.jpeg).decode(),
    }


async def info(control: Control, _: Nothing) -> dict[str, Any]:
    """Version, instance, models, cameras and settings, as on the `info` topic, and who is in sight."""
    return {**control.info(), "present": [present_data(one) for one in control.present()]}


async def backup(control: Control, _: Nothing) -> dict[str, Any]:
    """Write a backup into the data folder."""
    made = await control.backup()
    return {"file": str(made.path), "bytes": made.size, "people": made.people}


PAUSE = Command(
    name="camera/pause",
    payload=Pause,
    run=pause,
    scalar="camera",
    line=Line.PROMPT,
    about="Close a camera until it is resumed.",
    reply=CameraPaused,
    examples=(
        Example("hall"),
        Example({"camera": "hall", "paused": False}),
        Example(""),
        Example({"camera": "hall", "paused": "ON"}, code="bad_payload"),
        Example("attic", code="not_found"),
    ),
)
RESUME = Command(
    name="camera/resume",
    payload=Which,
    run=resume,
    scalar="camera",
    line=Line.PROMPT,
    about="Open a paused camera again.",
    reply=CameraPaused,
    examples=(Example("hall"), Example({"camera": 1}, code="bad_payload"), Example("attic", code="not_found")),
)
SNAPSHOT = Command(
    name="camera/snapshot",
    payload=Snap,
    run=snapshot,
    scalar="camera",
    line=Line.LOOKING,
    about="The next picture of a camera, shrunk to what the broker takes.",
    reply=Snapshot,
    examples=(
        Example("hall"),
        Example({"max_bytes": 20_000}),
        Example({"max_bytes": 10}, code="bad_payload"),
        Example("attic", code="not_found"),
    ),
)
BACKUP = Command(
    name="backup",
    payload=Nothing,
    run=backup,
    about="Write a backup into the data folder ([keeping.md](keeping.md#backups)).",
    reply=BackupWritten,
    examples=(Example(), Example({"file": "backup"}, code="bad_payload")),
)
INFO = Command(
    name="info",
    payload=Nothing,
    run=info,
    line=Line.PROMPT,
    about="What this uSense is, as on `usense/info`, and who is in sight of a camera now.",
    reply=InfoReply,
    examples=(Example(), Example({"camera": "hall"}, code="bad_payload")),
)
