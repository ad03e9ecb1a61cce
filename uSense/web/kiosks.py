"""Who stands at which camera's kiosk; asked as often as somebody looks, and by nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from uSense.core.errors import NotFoundError, RequestError
from uSense.core.events import Sighting
from uSense.core.kiosk import Kiosk, KioskRules, Stander
from uSense.core.models import PersonRef
from uSense.core.scene import Scene

MOST = 16
"""Kiosks that are open at once."""


class Kiosks:
    """One a camera; `since` tells of when the first picture is that a camera gives now, None if it gives none."""

    def __init__(
        self, scenes: Mapping[str, Scene], since: Callable[[str], float | None], rules: Callable[[str], KioskRules]
    ) -> None:
        self._scenes = scenes
        self._since = since
        self.watchers = 0
        self._kiosks = {camera: Kiosk(rules(camera)) for camera in scenes}
        self._seeing: dict[str, float | None] = dict.fromkeys(scenes)

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
        kiosk, now = self._kiosk(camera), time.monotonic()
        return kiosk.look(self._standing(camera, now), now, seeing=self._seeing[camera] is not None)

    def alone(self, camera: str) -> Sighting | None:
        """How they were recognized who stand there now, and nobody else; None if that is not sure. NotFoundError."""
        kiosk, now = self._kiosk(camera), time.monotonic()
        who = kiosk.alone(self._standing(camera, now), now)
        told = (one for one in self._scenes[camera].present() if who and one.person_id == who.person_id)
        return next(told, None)

    def _standing(self, camera: str, now: float) -> list[Stander]:
        """Who stands there, and was seen in the pictures that the camera gives now."""
        since, scene = self._since(camera), self._scenes[camera]
        if since != self._seeing[camera]:
            # It was lost meanwhile, asked about or not.
            self._kiosks[camera].look((), now, seeing=False)
            self._seeing[camera] = since
        scene.attend(now)
        return [] if since is None else [one for one in scene.standing() if one.seen >= since]

    def _kiosk(self, camera: str) -> Kiosk:
        if camera not in self._kiosks:
            raise NotFoundError("camera", camera, self._kiosks)
        return self._kiosks[camera]
