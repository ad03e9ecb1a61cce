"""`camera/*`, `backup` and `info`: the running service."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import Field

from uSense.commands.base import Command
from uSense.commands.people import Nothing
from uSense.control import SNAPSHOT_BYTES, Control, present_data
from uSense.schema import Branch
from uSense.times import rfc3339


class Which(Branch):
    """A camera of this service."""

    camera: str = Field(max_length=100)
    """Name of the camera in the settings."""


class Snap(Branch):
    """A picture of a camera."""

    camera: str = Field(default="", max_length=100)
    """Name of the camera; may be left out if there is only one."""
    max_bytes: int = Field(default=SNAPSHOT_BYTES, ge=5_000, le=8_000_000)
    """Bytes of the JPEG at most; it is shrunk to that, and to what the broker takes."""


async def pause(control: Control, asked: Which) -> dict[str, Any]:
    """Close a camera until it is resumed."""
    control.pause(asked.camera, paused=True)
    return {"camera": asked.camera, "paused": True}


async def resume(control: Control, asked: Which) -> dict[str, Any]:
    """Open a paused camera again."""
    control.pause(asked.camera, paused=False)
    return {"camera": asked.camera, "paused": False}


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


PAUSE = Command(name="camera/pause", payload=Which, run=pause, scalar="camera", prompt=True)
RESUME = Command(name="camera/resume", payload=Which, run=resume, scalar="camera", prompt=True)
SNAPSHOT = Command(name="camera/snapshot", payload=Snap, run=snapshot, scalar="camera", prompt=True)
BACKUP = Command(name="backup", payload=Nothing, run=backup)
INFO = Command(name="info", payload=Nothing, run=info, prompt=True)
