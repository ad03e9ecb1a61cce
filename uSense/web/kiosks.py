"""Who stands at which camera's kiosk; asked as often as somebody looks, and by nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from uSense.core.errors import NotFoundError, RequestError
from uSense.core.events import Sighting
from uSense.core.kiosk import Kiosk, KioskRules
from uSense.core.models import PersonRef
from uSense.core.scene import Scene

MOST = 16
"""Kiosks that are open at once."""


class Kiosks:
    """One a camera; `seeing` tells whether a camera gives pictures."""

    def __init__(
        self, scenes: Mapping[str, Scene], seeing: Callable[[str], bool], rules: Callable[[str], KioskRules]
    ) -> None:
        self._scenes = scenes
        self._seeing = seeing
        self.watchers = 0
        self._kiosks = {camera: Kiosk(rules(camera)) for camera in scenes}

    @property
    def names(self) -> list[str]:
        """The cameras."""
        return list(self._kiosks)

    @contextmanager
    def watching(self, camera: str) -> Iterator[None]:
        """A kiosk that is open; NotFoundError, or RequestError `busy` if it is one too many."""
        self._kiosk(camera)
        if self.watchers >= MOST:
            raise RequestError(f"{MOST} kiosks are open already: close one", code="busy")
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1

    def who(self, camera: str) -> PersonRef | None:
        """Whose page to show at a camera now; None for the neutral one. NotFoundError."""
        kiosk = self._kiosk(camera)
        return kiosk.look(self._scenes[camera].standing(), time.monotonic(), seeing=self._seeing(camera))

    def alone(self, camera: str) -> Sighting | None:
        """How they were recognized who stand there now, and nobody else; None if that is not sure. NotFoundError."""
        kiosk, scene = self._kiosk(camera), self._scenes[camera]
        who = kiosk.alone(scene.standing(), time.monotonic()) if self._seeing(camera) else None
        told = (one for one in scene.present() if who and one.person_id == who.person_id)
        return next(told, None)

    def _kiosk(self, camera: str) -> Kiosk:
        if camera not in self._kiosks:
            raise NotFoundError("camera", camera, self._kiosks)
        return self._kiosks[camera]
