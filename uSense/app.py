"""The composition root: the only place that sees every part. Read it from top to bottom."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from uSense import __version__, aio, lifetime
from uSense.commands import COMMANDS
from uSense.control import Control
from uSense.core.errors import BrokerError, StorageError, StuckError
from uSense.core.events import Event, Notice, State
from uSense.core.models import Face, Picture
from uSense.core.scene import Scene, SceneRules
from uSense.core.stats import Stats
from uSense.core.topics import Topics
from uSense.core.voting import VotingRules
from uSense.detectors import AnyDetector
from uSense.entities import Context
from uSense.entities.notice import stamped
from uSense.health import Health
from uSense.log import mask
from uSense.mqtt import Mqtt
from uSense.mqtt.embedded import EmbeddedBroker, embedded, reached
from uSense.mqtt.rivals import require_alone
from uSense.pipeline import Pipeline
from uSense.ports import Detector, Outbox, Recognizer
from uSense.settings import Settings
from uSense.storage import Storage, open_storage
from uSense.storage.lock import sole_service
from uSense.upkeep import Upkeep, tell_late

if TYPE_CHECKING:
    from uSense.web.server import FaceServer

log = structlog.get_logger()

FAREWELL = 2.0
"""Seconds that decided events have to reach the broker when the service stops."""
PATIENCE = 4.0
"""Seconds in which everything has ended after the order to stop, if nothing hangs."""
IMPATIENCE = 1.0
"""The same while the service starts: there is nothing yet that has to be ended well."""
LOOK = 3.0
"""Seconds that a start waits for the broker; one that does not answer is asked when it does."""
SLOW = 10.0
"""Seconds after which a call that blocks its thread is a problem; the database waits half as long for a lock."""
TICK = 2.0
"""Seconds between two looks whether another process changed the gallery."""


class EndWithin(Protocol):
    """Is told how many seconds to wait for the end of the process; `code` if it has to be forced then, else its own."""

    def __call__(self, seconds: float, *, code: int = 0) -> None:
        """End the process by force if it has not ended by itself."""


def _patiently(seconds: float, *, code: int = 0) -> None:
    """Let whatever hangs hang."""


async def serve(
    settings: Settings,
    end_within: EndWithin = _patiently,
    *,
    stop: asyncio.Event | None = None,
    heard: Callable[[Event], None] = lambda _: None,
) -> None:
    """The service: returns after SIGTERM, SIGINT or `stop`; a second signal cuts the farewell short.

    What hangs in a thread cannot be ended from here, so `end_within` is told. Raises StuckError if a model hangs.
    `heard` is told everything that the cameras lead to.
    """
    stop, hurry, started = stop or asyncio.Event(), asyncio.Event(), asyncio.Event()
    with lifetime.signals(stop, hurry, lambda: end_within(PATIENCE if started.is_set() else IMPATIENCE)):
        async with AsyncExitStack() as stack:
            parts = await aio.until(stop, _open(settings, stack))
            started.set()
            if parts is not None:
                await _serve(parts, heard, stop, hurry, end_within)
    log.info("stopped")


async def _serve(
    parts: Parts, heard: Callable[[Event], None], stop: asyncio.Event, hurry: asyncio.Event, end_within: EndWithin
) -> None:
    """Watch, tell and obey until told to stop."""
    settings = parts.settings
    recognizer, journal = parts.recognizer, parts.storage.journal
    stats = Stats()
    mqtt = Mqtt(settings.mqtt, _context(settings, recognizer), journal)
    mqtt.first = None if parts.alone else partial(require_alone, settings.mqtt)
    scenes = _scenes(settings, recognizer)
    pipeline = Pipeline(settings.pipeline, settings.quality, scenes, recognizer, Overheard(mqtt, heard), stats)
    info = _info(settings, recognizer, parts.for_photos)
    control = Control(recognizer, parts.for_photos, mqtt, settings.quality, pipeline.switches, lambda: info)
    control.archive = parts.storage.archive
    upkeep = Upkeep(control, parts.storage.archive, pipeline.gallery_changed)
    control.on_gallery = upkeep.gallery_changed
    control.shot = pipeline.shot
    control.present = pipeline.present
    control.longest_reply = lambda: mqtt.limit
    health = Health(
        stats,
        lambda: {**upkeep.problems, **_problems(pipeline, mqtt, parts.broker)},
        lambda: {**mqtt.counters(), "faces_waiting": pipeline.faces_waiting, **_counters(parts.face_server)},
        recognizer.quota,
    )
    await _introduce(settings, mqtt, control, info)

    async with asyncio.TaskGroup() as way_out:
        tasks = [
            way_out.create_task(mqtt.run(), name="mqtt"),
            *([way_out.create_task(parts.broker.keep(), name="embedded broker")] if parts.broker else []),
            *(
                way_out.create_task(pipeline.identify(), name=f"identify {number}")
                for number in range(recognizer.habits.at_once)
            ),
            way_out.create_task(_tell_health(settings, health, mqtt), name="health"),
            way_out.create_task(_tick(recognizer, control, pipeline, mqtt), name="tick"),
            way_out.create_task(upkeep.run(), name="upkeep"),
            way_out.create_task(tell_late(journal.recover, mqtt), name="untold"),
        ]
        log.info("ready", version=__version__, cameras=list(settings.cameras), broker=str(mqtt))
        hung: StuckError | None = None
        try:
            await aio.until(stop, _way_in(parts, pipeline, mqtt.serve(COMMANDS, control)))
        except* StuckError as errors:
            hung = StuckError(str(errors.exceptions[0]))
            end_within(PATIENCE, code=1)
        log.info("stopping")
        pipeline.close()
        await aio.until(hurry, mqtt.leave(FAREWELL))
        for task in tasks:
            task.cancel()
    if hung is not None:
        raise hung


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
    alone: bool
    """Whether there is no other live uSense below the prefix; False also if that is not known yet."""


@dataclass(frozen=True, slots=True)
class Overheard:
    """An outbox to which somebody listens."""

    outbox: Outbox
    heard: Callable[[Event], None]

    def post(self, event: Event) -> None:
        self.outbox.post(event)
        self.heard(event)


async def _open(settings: Settings, stack: AsyncExitStack) -> Parts:
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
    return Parts(
        settings=settings,
        broker=broker,
        storage=storage,
        recognizer=recognizer,
        detectors=[recognizer.detector(detector) for detector in detectors],
        for_photos=for_photos,
        face_server=face_server,
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


async def _way_in(parts: Parts, pipeline: Pipeline, commands: Coroutine[Any, Any, None]) -> None:
    """Everything that brings something new into the service, until canceled."""
    async with asyncio.TaskGroup() as group:
        for number, detector in enumerate(parts.detectors):
            group.create_task(pipeline.detect(detector), name=f"detect {number}")
        for name, camera in parts.settings.cameras.items():
            group.create_task(pipeline.watch(name, camera), name=f"camera {name}")
        group.create_task(commands, name="commands")
        if parts.face_server is not None:
            group.create_task(parts.face_server.run(), name="face api")
        group.create_task(lifetime.guard(parts.settings.pipeline.patience), name="guard")


async def _introduce(settings: Settings, mqtt: Mqtt, control: Control, info: Mapping[str, Any]) -> None:
    """Everything the broker keeps, once; it is sent again whenever the broker may have lost it."""
    mqtt.post(State("settings", _runtime_settings(settings, control.recognizer)))
    for name in settings.cameras:
        mqtt.post(State(f"camera/{name}/status", "offline"))
        mqtt.post(State(f"camera/{name}/paused", "OFF"))
    await control.tell_people()
    # Last: the broker's copy of the last run's tells what that one left there.
    mqtt.post(State("info", info))


async def _tell_health(settings: Settings, health: Health, mqtt: Mqtt) -> None:
    """Tell how the service is: every `health_every` seconds, and soon after another part falls ill or gets well."""
    ill, due = None, 0.0
    while True:
        if time.monotonic() >= due or health.problems().keys() != ill:
            due = time.monotonic() + settings.health_every
            ill = health.problems().keys()
            mqtt.post(State("health", await asyncio.to_thread(health.report)))
        await asyncio.sleep(min(TICK, settings.health_every))


async def _tick(recognizer: Recognizer, control: Control, pipeline: Pipeline, mqtt: Mqtt) -> None:
    """Let time pass in the scenes, and notice what the command line did beside the service."""
    while True:
        await asyncio.sleep(TICK)
        pipeline.tick()
        try:
            if await recognizer.refresh():
                mqtt.journal_changed()
                await control.gallery_changed()
        except StorageError as error:
            if "storage" not in pipeline.problems:
                log.warning("storage", problem=str(error))
            pipeline.problems["storage"] = str(error)
        else:
            pipeline.problems.pop("storage", None)


def _counters(face_server: FaceServer | None) -> dict[str, int]:
    return {} if face_server is None else face_server.counters()


def _detector_names(settings: Settings) -> list[str]:
    """One detector a worker, and one for the photos of commands, which must not wait for the cameras."""
    return [*(f"detect-{number}" for number in range(settings.pipeline.workers)), "detect-photos"]


def _scenes(settings: Settings, recognizer: Recognizer) -> dict[str, Scene]:
    """A scene a camera; the run's random text makes track ids unique across restarts."""
    run = secrets.token_hex(3)
    rules = SceneRules(
        tracking=settings.tracking,
        voting=_voting(settings.voting, recognizer.habits.looks),
        announce=settings.announce,
        explain=settings.explain,
        decision=recognizer.rules,
        choosy=recognizer.habits.ripen > 0,
    )
    return {name: Scene(name, rules, f"{run}{number:02x}") for number, name in enumerate(settings.cameras)}


def _voting(rules: VotingRules, looks: int | None) -> VotingRules:
    """The rules for a recognizer that decides on few looks: to call somebody unknown takes one more."""
    if looks is None:
        return rules
    return replace(rules, needed=looks, unknown_needed=looks + 1, window=max(rules.window, looks + 1))


def _context(settings: Settings, recognizer: Recognizer) -> Context:
    return Context(
        instance=settings.instance,
        recognizer=recognizer.kind,
        model=recognizer.model,
        topics=Topics(settings.mqtt.prefix),
        name_topic=settings.mqtt.effective_name_topic,
        lifetime=settings.mqtt.identity_lifetime,
        strangers=recognizer.rules.strangers,
    )


def _info(settings: Settings, recognizer: Recognizer, detector: Detector) -> dict[str, Any]:
    return {
        "instance": settings.instance,
        "version": __version__,
        "recognizer": recognizer.kind,
        "model": recognizer.model,
        "detector": detector.model,
        "cameras": list(settings.cameras),
        "settings": json.loads(mask(settings.model_dump_json())),
    }


def _runtime_settings(settings: Settings, recognizer: Recognizer) -> dict[str, Any]:
    return {
        "threshold": recognizer.rules.threshold,
        "margin": recognizer.rules.margin,
        "repeat_after": settings.announce.repeat_after,
    }


def _problems(pipeline: Pipeline, mqtt: Mqtt, broker: EmbeddedBroker | None) -> dict[str, str]:
    """Everything that is wrong now, by part, in plain words."""
    slow = {name: f"has not answered for {seconds:.0f} s" for name, seconds in aio.stuck(SLOW).items()}
    problem = (broker and broker.problem) or mqtt.problem
    unwell = pipeline.recognizer.problem
    return {
        **slow,
        **({"recognizer": unwell} if unwell else {}),
        **pipeline.problems,
        **({"broker": problem} if problem else {}),
    }
