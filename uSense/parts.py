"""What takes time to open: storage, models, a look for other services; and the use cases without the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uSense import chronicle
from uSense.control import Control
from uSense.core.errors import BrokerError
from uSense.core.events import Event, Notice
from uSense.core.models import Face, Picture
from uSense.detectors import AnyDetector
from uSense.entities.notice import stamped
from uSense.mqtt.embedded import EmbeddedBroker, embedded, reached
from uSense.mqtt.rivals import require_alone
from uSense.ports import Detector, Recognizer
from uSense.settings import Settings
from uSense.storage import Storage, open_storage
from uSense.storage.lock import sole_service

if TYPE_CHECKING:
    from uSense.faceapi.server import FaceServer
    from uSense.web.access import Access

LOOK = 3.0
"""Seconds that a start waits for the broker; one that does not answer is asked when it does."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What takes time to open, and the settings with a login at the broker."""

    settings: Settings
    broker: EmbeddedBroker | None
    storage: Storage
    recognizer: Recognizer
    detectors: Sequence[Detector]
    """Those of the cameras' pictures."""
    for_photos: Detector
    face_server: FaceServer | None
    access: Access | None
    """Who may visit the pages; None if there are none."""
    alone: bool
    """Whether there is no other live uSense below the prefix; False also if that is not known yet."""


async def open_parts(settings: Settings, stack: AsyncExitStack) -> Parts:
    """Open everything; `stack` closes it in reverse."""
    storage = await stack.enter_async_context(open_storage(settings.data_dir, mend=True))
    await stack.enter_async_context(sole_service(settings.data_dir))
    keep_crops = settings.gallery.keep_crops
    broker = None
    if settings.mqtt.embedded:
        broker = await stack.enter_async_context(embedded(settings.mqtt, settings.data_dir))
        mqtt = await asyncio.to_thread(reached, settings.mqtt, settings.data_dir)
        settings = settings.model_copy(update={"mqtt": mqtt})
    async with asyncio.TaskGroup() as group:
        looking = group.create_task(_look_around(settings), name="look around")
        recognizer = await stack.enter_async_context(settings.recognizer.open(storage, keep_crops=keep_crops))
        *detectors, for_photos = [
            await stack.enter_async_context(settings.detector.open(name)) for name in _detector_names(settings)
        ]
    face_server = None
    if settings.face_api.enabled:
        from uSense.serving import open_face_server  # noqa: PLC0415 - heavy: paid for by those who serve

        face_server = await stack.enter_async_context(open_face_server(settings, storage, recognizer))
    access = None
    if settings.web.enabled:
        from uSense.hosting import opened_access  # noqa: PLC0415 - the same

        access = await stack.enter_async_context(opened_access(settings))
    else:
        await chronicle.forget(storage.happenings)
    return Parts(
        settings=settings,
        broker=broker,
        storage=storage,
        recognizer=recognizer,
        detectors=[recognizer.detector(detector) for detector in detectors],
        for_photos=for_photos,
        face_server=face_server,
        access=access,
        alone=looking.result(),
    )


async def _look_around(settings: Settings) -> bool:
    """Whether the broker could be asked for another live uSense and there is none; raises InstanceError."""
    with suppress(TimeoutError, BrokerError):
        async with asyncio.timeout(LOOK):
            await require_alone(settings.mqtt)
            return True
    return False


@asynccontextmanager
async def open_control(settings: Settings) -> AsyncIterator[Control]:
    """The use cases without the service, for the command line beside it; models are loaded for those that need them."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings.data_dir))
        recognizer = await stack.enter_async_context(
            settings.recognizer.open(storage, lazily=True, keep_crops=settings.gallery.keep_crops)
        )
        detector = LazyDetector(stack, settings.detector)
        notes = Notes()
        try:
            control = Control(recognizer, detector, notes, settings.quality, {}, dict)
            control.archive = storage.archive
            yield control
        finally:
            for notice in notes.lasting:
                await storage.journal.append(notice)


class LazyDetector:
    """A detector that its first picture opens: erasing somebody must not depend on a model file."""

    model = ""

    def __init__(self, stack: AsyncExitStack, settings: AnyDetector) -> None:
        self._stack = stack
        self._settings = settings
        self._opened: Detector | None = None

    async def detect(self, picture: Picture) -> list[Face]:
        if self._opened is None:
            self._opened = await self._stack.enter_async_context(self._settings.open("detect"))
        return await self._opened.detect(picture)


class Notes:
    """The outbox of the command line: keeps what lasts, for a running service to send."""

    def __init__(self) -> None:
        self.lasting: list[Notice] = []

    def post(self, event: Event) -> None:
        if isinstance(event, Notice) and event.lasting:
            self.lasting.append(stamped(event, time.time()))


def _detector_names(settings: Settings) -> list[str]:
    """One detector a worker, and one for the photos of commands, which must not wait for the cameras."""
    return [*(f"detect-{number}" for number in range(settings.pipeline.workers)), "detect-photos"]
