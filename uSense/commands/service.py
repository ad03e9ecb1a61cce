"""`camera/*` and `info`: the running service."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from uSense.commands.base import Command
from uSense.commands.people import Nothing
from uSense.control import Control
from uSense.schema import Branch


class Which(Branch):
    """A camera of this service."""

    camera: str = Field(max_length=100)
    """Name of the camera in the settings."""


async def pause(control: Control, asked: Which) -> dict[str, Any]:
    """Close a camera until it is resumed."""
    control.pause(asked.camera, paused=True)
    return {"camera": asked.camera, "paused": True}


async def resume(control: Control, asked: Which) -> dict[str, Any]:
    """Open a paused camera again."""
    control.pause(asked.camera, paused=False)
    return {"camera": asked.camera, "paused": False}


async def info(control: Control, _: Nothing) -> dict[str, Any]:
    """Version, instance, models, cameras and settings, as on the `info` topic."""
    return dict(control.info())


PAUSE = Command(name="camera/pause", payload=Which, run=pause, scalar="camera", prompt=True)
RESUME = Command(name="camera/resume", payload=Which, run=resume, scalar="camera", prompt=True)
INFO = Command(name="info", payload=Nothing, run=info, prompt=True)
