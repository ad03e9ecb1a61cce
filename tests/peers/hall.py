"""A network camera in a hall: who stands before it is what the test says, and people come and go within seconds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from tests.peers.mjpeg import MjpegServer
from tests.support.portraits import EILEEN, GRACE, pose
from uSense.core.models import Rgb

SIDE = 320
POSES = 5
PEOPLE: Mapping[str, Rgb] = {"Grace": GRACE, "Eileen": EILEEN}
QUICK: Mapping[str, Any] = {
    "voting": {"needed": 2, "unknown_needed": 3, "window": 4},
    "tracking": {"lost_after": 0.3, "lost_looks": 2},
    "announce": {"repeat_after": 0.0},
    "presence": {"leave_after": 2.0},
    "health_every": 1,
    "log": {"format": "json"},
}
"""Settings by which people come and go within seconds."""


class Hall(MjpegServer):
    """A network camera that sees whom the test wants."""

    def __init__(self) -> None:
        super().__init__(fps=10, size=(SIDE, SIDE))
        self.seen: str | None = None
        """Name of who stands there."""
        self.pose: int | None = None
        """How they stand; None: they move."""
        self.poses = POSES
        """Through so many poses."""
        self.wide = False
        """Whether there is room for two; to be said before it begins."""
        self.beside: str | None = None
        """Name of who stands beside them, where there is room."""

    def picture(self) -> Rgb:
        left = self._place(self.seen)
        return np.concatenate((left, self._place(self.beside)), axis=1) if self.wide else left

    def _place(self, name: str | None) -> Rgb:
        if name is None:
            return np.full((SIDE, SIDE, 3), 90, np.uint8)
        return _posed(name, self.number // 2 % self.poses if self.pose is None else self.pose)


@cache
def _posed(name: str, number: int) -> Rgb:
    return np.asarray(Image.fromarray(pose(PEOPLE[name], number)).resize((SIDE, SIDE)))
