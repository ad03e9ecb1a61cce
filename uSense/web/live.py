"""Pictures of the cameras as they are now, with boxes around faces: taken only while somebody looks."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from uSense.core.errors import NotFoundError, RequestError
from uSense.core.models import Box, Shot, Size
from uSense.core.scene import Scene
from uSense.core.tracking import Status, Track
from uSense.entities.identity import payload
from uSense.entities.payload import Context
from uSense.imaging import encode_jpeg
from uSense.times import rfc3339

VIEWERS = 12
"""Live views at once, over all cameras."""
FRESH = 1.0
"""Seconds for which a picture is shown to somebody new; an older one is of another moment."""
BEAT = 0.02
"""Seconds between two looks whether the faces in a picture were found."""
QUALITY = 75
"""Of the JPEG files."""


class Shots(Protocol):
    """Takes the next picture of a camera."""

    def __call__(self, camera: str, fit: Size | None = None) -> Awaitable[Shot]:
        """A picture, shrunk to `fit`; raises RequestError `camera_offline`."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture as browsers show it. `number` grows."""

    number: int
    jpeg: bytes = field(repr=False)
    told: Mapping[str, Any]
    """What is in it: when it was taken, its size, and the faces."""


@dataclass(slots=True)
class _Camera:
    view: View | None = None
    due: float = 0.0
    taken: float = -math.inf
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Live:
    """Shared by all who look: each picture is taken and packed once."""

    def __init__(self, shot: Shots, scenes: Mapping[str, Scene], context: Context, *, fps: float, width: int) -> None:
        self.viewers = 0
        self._context = context
        self._shot = shot
        self._scenes = scenes
        self._interval = 1.0 / fps
        self._fit = (width, 4 * width)
        self._cameras = {name: _Camera() for name in scenes}

    @property
    def names(self) -> list[str]:
        """The cameras."""
        return list(self._cameras)

    @contextmanager
    def viewing(self) -> Iterator[None]:
        """One who looks; RequestError `busy` if it is one too many."""
        if self.viewers >= VIEWERS:
            raise RequestError(f"{VIEWERS} live views are open already: close one", code="busy")
        self.viewers += 1
        try:
            yield
        finally:
            self.viewers -= 1

    async def next(self, camera: str, after: int = 0) -> View:
        """The newest picture that is newer than number `after`; waits for it. NotFoundError, or `camera_offline`.

        Of several who wait one takes it, and if that one leaves, the next does.
        """
        if camera not in self._cameras:
            raise NotFoundError("camera", camera, self._cameras)
        shared = self._cameras[camera]
        async with shared.taking:
            old = time.monotonic() - shared.taken >= FRESH
            if shared.view is None or shared.view.number <= after or old:
                await asyncio.sleep(shared.due - time.monotonic())
                shared.due, shared.taken = time.monotonic() + self._interval, -math.inf
                shared.view = await self._taken(camera, shared.view.number + 1 if shared.view else 1)
                shared.taken = time.monotonic()
            return shared.view

    async def _taken(self, camera: str, number: int) -> View:
        shot = await self._shot(camera, self._fit)
        scene = self._scenes[camera]
        jpeg = await asyncio.to_thread(encode_jpeg, shot.rgb, QUALITY)
        await self._looked(scene, shot)
        now = time.monotonic()
        sure = {one.person_id: payload(one, self._context, now).percent for one in scene.present()}
        faces = [_face(track, scene.size, sure) for track in scene.tracker.in_view()]
        height, width = shot.rgb.shape[:2]
        told = {"at": rfc3339(shot.captured_at), "size": [width, height], "faces": faces}
        return View(number, jpeg, told)

    async def _looked(self, scene: Scene, shot: Shot) -> None:
        """Wait for the boxes of this very picture, not longer than for the next one: others lag behind who walks."""
        until = time.monotonic() + self._interval
        # A scene tells nobody that it was looked at, and this asks only while somebody watches.
        while shot.sought and scene.looked_at < shot.captured_at and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(BEAT)


def _face(track: Track, size: tuple[float, float], sure: Mapping[str | None, int | None]) -> dict[str, Any]:
    """A face as JSON; its box in parts of the picture, and how `sure` its person was told last, in percent."""
    box: Box = track.box
    return {
        "track_id": track.track_id,
        "state": track.status.value,
        "name": track.person.name if track.person else None,
        "person_id": track.person.person_id if track.person else None,
        "percent": sure.get(track.person.person_id) if track.person else None,
        "event_id": track.event_id if track.status is not Status.UNDECIDED else None,
        "box": [
            round(value / side, 4) for value, side in zip((box.x0, box.y0, box.x1, box.y1), (*size, *size), strict=True)
        ],
    }
