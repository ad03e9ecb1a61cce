"""A folder of pictures as a camera: each one is shown for a while, then the next comes."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import structlog
from pydantic import Field

from uSense import imaging
from uSense.aio import Lane, sleep_until
from uSense.cameras.base import LUMA_SIDE, CameraSettings, new_scene
from uSense.core.errors import BadImageError, CameraError, CameraFinished
from uSense.core.models import Frame, Gray, Picture
from uSense.ports import Camera
from uSense.schema import Mark

log = structlog.get_logger()

_MOST_REFUSED = 100
_FAREWELL = 1.0
"""Seconds a closing camera waits for the picture it reads: a network drive may be gone."""


class FolderSettings(CameraSettings):
    """Show the pictures of a folder."""

    kind: Literal["folder"] = "folder"
    """The camera: a folder of pictures."""
    path: Annotated[Path, Mark.FOLDER]
    """The folder; its sub-folders are shown too, everything in the order of the names."""
    hold: float = Field(default=1.0, gt=0)
    """Seconds for which each picture is shown."""
    loop: bool = True
    """Begin again after the last picture; pictures added meanwhile are then shown too."""

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Camera]:
        """Open the folder; raises CameraError if there is nothing to show."""
        async with Lane(f"camera {name}", patience=_FAREWELL) as lane:
            camera = FolderCamera(name, self, lane)
            await camera.begin()
            yield camera


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture on show since the monotonic second `since`."""

    picture: Picture
    luma: Gray
    scene: int
    since: float


class FolderCamera:
    """Frames from pictures. Frames that nobody read in time are skipped; of the pictures, none is."""

    def __init__(self, name: str, settings: FolderSettings, lane: Lane) -> None:
        self.name = name
        self.skipped = 0
        self.refused: deque[str] = deque(maxlen=_MOST_REFUSED)
        """Why pictures could not be shown: a sentence each, the latest ones."""
        self._settings = settings
        self._lane = lane
        self._queue: deque[Path] = deque()
        self._shown: _Shown | None = None
        self._shown_in_round = 0
        self._due = 0.0

    async def begin(self) -> None:
        """Look what is in the folder; raises CameraError if there is nothing to show."""
        self._queue.extend(await self._lane.run(_pictures, self.name, self._settings.path))
        self._shown_in_round = 0

    async def read(self, after: float = 0.0) -> Frame:
        shown = self._shown
        period = 1.0 / self._settings.fps
        if shown is not None:
            await self._pause(period, after)
        if shown is None or self._due - shown.since > self._settings.hold - period / 2:
            self._shown = shown = await self._next()
            self._due = shown.since
        return Frame(
            camera=self.name,
            captured_at=time.time(),
            stamp=time.monotonic(),
            scene=shown.scene,
            luma=shown.luma,
            picture=shown.picture,
        )

    async def _pause(self, period: float, after: float) -> None:
        """Wait until the next frame is due; count those that went by unread."""
        await sleep_until(time.monotonic, max(self._due + period, after))
        late = time.monotonic() - self._due - period
        unread = max(0, int(late / period))
        self.skipped += unread
        self._due += (1 + unread) * period

    async def _next(self) -> _Shown:
        """The next picture that can be read; it leaves the queue last, so that a cancelled read loses none."""
        while True:
            if not self._queue:
                await self._begin_again()
            try:
                picture, luma = await self._lane.run(_load, self._queue[0])
            except BadImageError as error:
                self._queue.popleft()
                if str(error) not in self.refused:
                    self.refused.append(str(error))
                    log.warning("picture skipped", camera=self.name, problem=str(error))
            else:
                self._queue.popleft()
                self._shown_in_round += 1
                return _Shown(picture, luma, new_scene(), time.monotonic())

    async def _begin_again(self) -> None:
        """The end of a round: go on with what is in the folder now, if that makes sense."""
        if not self._shown_in_round:
            raise CameraError(self.name, f"no picture in {self._settings.path} can be read, such as {self.refused[-1]}")
        if not self._settings.loop:
            raise CameraFinished(self.name, f"all pictures in {self._settings.path} were shown")
        await self.begin()


def _pictures(name: str, folder: Path) -> list[Path]:
    """All picture files in the folder and below, in the order in which people count: 2 before 10."""
    try:
        if not folder.is_dir():
            raise CameraError(name, f"there is no folder {folder}: check `path`")
    except OSError as error:
        raise CameraError(name, f"the folder {folder} cannot be opened: {error.strerror}") from error
    closed: list[OSError] = []
    files = [Path(place, file) for place, _, names in os.walk(folder, onerror=closed.append) for file in names]
    visible = [file for file in files if not _hidden(file.relative_to(folder))]
    found = [file for file in visible if file.suffix.lower() in imaging.ENDINGS]
    others = imaging.left_out(visible)
    if not found and closed:
        raise CameraError(name, f"the folder {closed[0].filename} cannot be opened: {closed[0].strerror}")
    if not found:
        advice = others or f"put some there ({', '.join(sorted(imaging.ENDINGS))})"
        raise CameraError(name, f"there are no pictures in {folder}: {advice}")
    if others:
        log.warning("pictures skipped", camera=name, problem=others)
    return sorted(found, key=_natural)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _natural(path: Path) -> tuple[list[list[str | int]], Path]:
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.parts]
    return [[int(text) if index % 2 else text for index, text in enumerate(part)] for part in parts], path


def _load(path: Path) -> tuple[Picture, Gray]:
    picture = imaging.ArrayPicture(imaging.read(path))
    return picture, picture.gray((LUMA_SIDE, LUMA_SIDE))
