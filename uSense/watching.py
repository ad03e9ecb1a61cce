"""The cameras: each kept open and looked at, its newest frame offered to the detect workers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from uSense import aio
from uSense.core.errors import CameraError, CameraFinished, NotFoundError, RequestError
from uSense.core.events import Notice, State
from uSense.core.models import Frame, Shot, Size
from uSense.core.motion import MotionGate, MotionRules
from uSense.core.pacing import SLOWEST, FramePace, backoff
from uSense.core.scene import Scene
from uSense.core.stats import Stats
from uSense.ports import Camera, Outbox

log = structlog.get_logger()

SHOT_WITHIN = 5.0
"""Seconds to wait for the next picture of a camera that somebody asked for."""
_STEADY = 5.0
"""A camera that ran this long (seconds) starts its pauses anew when it is lost."""


class CameraSource(Protocol):
    """The settings of a camera: they open it."""

    @property
    def fps(self) -> float:
        """Looks a second at most."""

    @property
    def motion(self) -> MotionRules:
        """Which pictures are looked at."""

    def open(self, name: str) -> AbstractAsyncContextManager[Camera]:
        """Open the camera under its name."""


class Watching:
    """Everything between the cameras and the detect workers."""

    def __init__(self, scenes: Mapping[str, Scene], outbox: Outbox, stats: Stats, problems: dict[str, str]) -> None:
        self.scenes = scenes
        self.outbox = outbox
        self.stats = stats
        self.problems = problems
        self.switches = {name: aio.Switch() for name in scenes}
        self.frames: aio.Latest[str, Frame] = aio.Latest()
        """The newest frame of every camera that is worth a look."""
        self._spared = (1.0, SLOWEST)
        self._statuses: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._shots: dict[str, list[tuple[asyncio.Future[Shot], Size | None]]] = {}

    async def watch(self, name: str, source: CameraSource) -> None:
        """Keep one camera open and offer its frames; reopens it after a pause when it is lost."""
        switch = self.switches[name]
        pauses = _pauses()
        while True:
            await switch.on.wait()
            opened = time.monotonic()
            try:
                await aio.until(switch.off, self._read(name, source))
            except CameraFinished as end:
                log.info("camera finished", camera=name, reason=end.reason)
                self._tell(name, "offline")
                return
            except CameraError as error:
                if self.online(name) and time.monotonic() - opened > _STEADY:
                    pauses = _pauses()
                self._lost(name, error)
                await asyncio.sleep(next(pauses))
            else:
                self.problems.pop(f"camera {name}", None)
                self._tell(name, "offline")

    async def shot(self, camera: str, fit: Size | None = None) -> Shot:
        """The next picture of a camera, whole or shrunk to `fit`.

        Raises NotFoundError, or RequestError `camera_offline` if there is none.
        """
        if camera not in self.switches:
            raise NotFoundError("camera", camera, self.switches)
        if not self.online(camera):
            paused = "" if self.switches[camera].on.is_set() else "it is paused"
            reason = paused or self.problems.get(f"camera {camera}") or "it is not open yet, or has shown all it had"
            raise RequestError(f"the camera {camera} is offline: {reason}", code="camera_offline")
        promise: asyncio.Future[Shot] = asyncio.get_running_loop().create_future()
        self._shots.setdefault(camera, []).append((promise, fit))
        try:
            async with asyncio.timeout(SHOT_WITHIN):
                return await promise
        except TimeoutError:
            message = f"the camera {camera} sent no picture within {SHOT_WITHIN:g} s"
            raise RequestError(message, code="camera_offline") from None

    def spare(self, share: float, longest: float) -> None:
        """Take only this share of the frames from now on, at intervals of `longest` seconds at most; 1 for all."""
        self._spared = share, longest

    def online(self, name: str) -> bool:
        """Whether a camera is open and gives pictures."""
        return self._statuses.get(name) == "online"

    def since(self, name: str) -> float | None:
        """When the first picture was taken of those that a camera gives now (monotonic); None if it gives none."""
        return self._since.get(name) if self.online(name) else None

    def close(self) -> None:
        """No camera is looked at any more."""
        for name in self.scenes:
            self._tell(name, "offline")

    async def _read(self, name: str, source: CameraSource) -> None:
        scene, motion, shown = self.scenes[name], MotionGate(source.motion), None
        pace, due = FramePace(1.0 / source.fps), 0.0
        async with source.open(name) as camera:
            frame = await camera.read()
            self._online(name, frame.stamp)
            before = self.stats.skipped[name]
            while True:
                pace.spare(*self._spared)
                due = max(due, frame.stamp) + pace.interval
                self.stats.frames[name] += 1
                self.stats.skipped[name] = before + camera.skipped
                if frame.scene != shown:
                    shown, motion = frame.scene, MotionGate(source.motion)
                worth = motion.see(frame.luma, frame.stamp) or scene.eager(frame.stamp)
                if promises := self._shots.pop(name, None):
                    # Before anybody else has the frame: its pictures are not made by two threads at once.
                    for fit in {fit for _, fit in promises}:
                        shot = Shot(frame.captured_at, await asyncio.to_thread(frame.picture.rgb, fit), sought=worth)
                        _keep([promise for promise, wanted in promises if wanted == fit], shot)
                if worth:
                    self._offer(name, frame, pace)
                # The frame nearest to its time: frames of a camera as fast as the pace may come a little early.
                frame = await camera.read(due - pace.interval / 2)

    def _offer(self, name: str, frame: Frame, pace: FramePace) -> None:
        if self.frames.put(name, frame):
            self.stats.dropped[name] += 1
            pace.overwritten()
        else:
            pace.taken()

    def _online(self, name: str, stamp: float) -> None:
        self._since[name] = stamp
        if self.problems.pop(f"camera {name}", None):
            log.info("camera is back", camera=name)
            self.outbox.post(Notice("camera.back", {"camera": name}))
        self._tell(name, "online")

    def _tell(self, name: str, status: str) -> None:
        """Publish a camera's status when it is another one."""
        if self._statuses.get(name) != status:
            self._statuses[name] = status
            self.outbox.post(State(f"camera/{name}/status", status))

    def _lost(self, name: str, error: CameraError) -> None:
        """Tell a loss once, further attempts only to those who debug."""
        if f"camera {name}" in self.problems:
            log.debug("camera still lost", camera=name, reason=error.reason)
        else:
            log.warning("camera lost", camera=name, reason=error.reason)
            self.outbox.post(Notice("camera.lost", {"camera": name, "reason": error.reason}))
        self.problems[f"camera {name}"] = error.reason
        self._tell(name, "offline")


def _keep(promises: Sequence[asyncio.Future[Shot]], shot: Shot) -> None:
    for promise in promises:
        if not promise.done():
            promise.set_result(shot)


def _pauses() -> Iterator[float]:
    return backoff(0.5, 30.0, random.random)
