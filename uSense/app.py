"""The composition root: the only place that sees every part. Read it from top to bottom."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import structlog

from uSense import __version__, about, aio, lifetime
from uSense.album import Album
from uSense.commands import COMMANDS
from uSense.control import Control
from uSense.core.errors import StorageError, StuckError
from uSense.core.events import Event, State
from uSense.core.scene import Scene, SceneRules
from uSense.core.signing import FILE as SIGNED
from uSense.core.stats import Stats
from uSense.core.voting import VotingRules
from uSense.health import Health
from uSense.mqtt import Mqtt
from uSense.mqtt.authority import Authority
from uSense.mqtt.discovery import Discovery
from uSense.mqtt.embedded import EmbeddedBroker
from uSense.mqtt.rivals import require_alone
from uSense.overheard import Overheard
from uSense.parts import Parts, open_parts
from uSense.pipeline import Pipeline
from uSense.ports import Outbox, Recognizer
from uSense.presence import FILE as PRESENCE
from uSense.presence import Attending
from uSense.protection import Protecting
from uSense.runtime import FILE, Runtime
from uSense.settings import Loaded, Settings
from uSense.storage.notebook import Notebook
from uSense.systemd import NOBODY, Systemd
from uSense.upkeep import Upkeep, tell_late
from uSense.visitors import Visiting

if TYPE_CHECKING:
    from uSense.faceapi.server import FaceServer
    from uSense.web.server import WebServer

log = structlog.get_logger()

FAREWELL = 2.0
"""Seconds that decided events have to reach the broker when the service stops."""
PATIENCE = 4.0
"""Seconds in which everything has ended after the order to stop, if nothing hangs."""
IMPATIENCE = 2.0
"""The same while the service starts: there is nothing yet that has to be ended well."""
SLOW = 10.0
"""Seconds after which a call that blocks its thread is a problem; the database waits half as long for a lock."""
TICK = 2.0
"""Seconds between two looks whether another process changed the gallery."""


Latest: TypeAlias = Callable[[], Mapping[str, Any]]
Job: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Something that goes on until it is canceled."""


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
    systemd: Systemd = NOBODY,
    loaded: Loaded | None = None,
) -> None:
    """The service: returns after SIGTERM, SIGINT or `stop`; a second signal cuts the farewell short.

    What hangs in a thread cannot be ended from here, so `end_within` is told. Raises StuckError if a model hangs.
    `heard` is told everything that the cameras lead to; `loaded` is where the settings come from, to be shown.
    """
    stop, hurry, started = stop or asyncio.Event(), asyncio.Event(), asyncio.Event()
    with lifetime.signals(stop, hurry, lambda: end_within(PATIENCE if started.is_set() else IMPATIENCE)):
        async with AsyncExitStack() as stack:
            parts = await aio.until(stop, open_parts(settings, stack))
            started.set()
            if parts is not None:
                await _serve(_assembled(parts, heard, loaded), stop, hurry, end_within, systemd)
    log.info("stopped")


@dataclass(frozen=True, slots=True)
class Service:
    """The parts at work."""

    parts: Parts
    mqtt: Mqtt
    outbox: Outbox
    """To the broker and the pages."""
    discovery: Discovery
    pipeline: Pipeline
    visiting: Visiting
    control: Control
    upkeep: Upkeep
    health: Health
    runtime: Runtime
    attending: Attending
    protecting: Protecting
    web: WebServer | None
    info: Mapping[str, Any]

    @property
    def on_the_way_out(self) -> dict[str, Job]:
        """What goes on until everything that is decided has been told, by its name."""
        jobs: dict[str, Job] = {
            "mqtt": self.mqtt.run,
            "discovery": self.discovery.run,
            "health": partial(_tell_health, self.parts.settings, self.health, self.outbox),
            "tick": partial(_tick, self),
            "upkeep": self.upkeep.run,
            "visitors": self.visiting.run,
            "presence": self.attending.run,
            "protection": self.protecting.run,
            "untold": partial(tell_late, self.parts.storage.journal.recover, self.outbox),
        }
        if self.web is not None:
            jobs["chronicle"] = self.web.house.chronicle.run
        if self.parts.broker:
            jobs["embedded broker"] = self.parts.broker.keep
        for number in range(self.parts.recognizer.habits.at_once):
            jobs[f"identify {number}"] = self.pipeline.identify
        return jobs

    @property
    def on_the_way_in(self) -> dict[str, Job]:
        """What brings something new into the service, by its name."""
        jobs: dict[str, Job] = {
            "commands": partial(self.mqtt.serve, COMMANDS, self.control),
            "guided enrollment": self.control.guide.run,
            "guard": partial(lifetime.guard, self.parts.settings.pipeline.patience),
        }
        for number, detector in enumerate(self.parts.detectors):
            jobs[f"detect {number}"] = partial(self.pipeline.detect, detector)
        for name, camera in self.parts.settings.cameras.items():
            jobs[f"camera {name}"] = partial(self.pipeline.cameras.watch, name, camera)
        if self.parts.face_server is not None:
            jobs["face api"] = self.parts.face_server.run
        if self.web is not None:
            jobs["web"] = self.web.run
        return jobs


def _assembled(parts: Parts, heard: Callable[[Event], None], loaded: Loaded | None) -> Service:
    """Put the parts together."""
    settings, recognizer = parts.settings, parts.recognizer
    stats = Stats()
    mqtt = Mqtt(settings.mqtt, about.context(settings, recognizer), parts.storage.journal)
    mqtt.dispatcher.authority = Authority(settings.commands, notebook=Notebook(settings.data_dir / SIGNED))
    mqtt.announce_within = settings.announce.within
    discovery = Discovery(settings.discovery, about.site(settings), settings.cameras, mqtt)
    mqtt.first = None if parts.alone else partial(require_alone, settings.mqtt)
    scenes = _scenes(settings, recognizer)
    outbox = Overheard(mqtt, [])
    told = Overheard(outbox, [heard])
    pipeline = Pipeline(settings.pipeline, settings.quality, scenes, recognizer, told, stats)
    attending = Attending(settings.presence, scenes, pipeline.eye, outbox, Notebook(settings.data_dir / PRESENCE))
    told.ears.append(attending.hear)
    pipeline.visiting = visiting = _visiting(parts, pipeline)
    attending.ignored = visiting.ignored
    info = about.info(settings, recognizer, parts.for_photos)
    noted = Overheard(outbox, [discovery.hear, attending.hear])
    control = Control(recognizer, parts.for_photos, noted, settings.quality, pipeline.cameras.switches, lambda: info)
    control.archive, control.album = parts.storage.archive, Album(parts.storage.vault)
    control.pages = parts.storage.pages
    control.visiting = visiting
    upkeep = Upkeep(control, parts.storage.archive, pipeline.gallery_changed)
    control.on_gallery = upkeep.gallery_changed
    control.shot = pipeline.cameras.shot
    control.present = pipeline.present
    control.longest_reply = lambda: mqtt.limit
    runtime = control.runtime = _runtime(parts, pipeline, mqtt, attending, outbox)
    protecting = Protecting(settings.protection, pipeline.cameras)
    web = _web(parts, control, pipeline, lambda: health.latest, outbox, loaded)
    health = Health(
        stats,
        lambda: {
            **({} if web is None else {**web.problems(), **web.house.chronicle.problems}),
            **protecting.problems,
            **upkeep.problems,
            **visiting.problems,
            **attending.problems,
            **runtime.problems,
            **_problems(pipeline, mqtt, parts.broker),
        },
        lambda: {
            **mqtt.counters(),
            **visiting.counters(),
            "faces_waiting": pipeline.faces_waiting,
            **_counters(parts.face_server, web),
        },
        recognizer.quota,
        settings.protection.thermometer,
    )
    health.protection = protecting.report
    return Service(
        parts=parts,
        mqtt=mqtt,
        outbox=outbox,
        discovery=discovery,
        pipeline=pipeline,
        visiting=visiting,
        control=control,
        upkeep=upkeep,
        health=health,
        runtime=runtime,
        attending=attending,
        protecting=protecting,
        web=web,
        info=info,
    )


def _visiting(parts: Parts, pipeline: Pipeline) -> Visiting:
    """What is known of unknown people; the scenes weigh the rejections."""
    settings = parts.settings
    visiting = Visiting(settings.visitors, parts.storage.visitors, parts.recognizer, pipeline.outbox, pipeline.stats)
    visiting.telling = settings.announce.unknown
    visiting.keep_crops = settings.gallery.keep_crops
    visiting.rejecting.take_back, visiting.rejecting.give_back = pipeline.take_back, pipeline.give_back
    for scene in pipeline.scenes.values():
        scene.rejections = visiting.rejecting.rejections
    return visiting


async def _serve(
    service: Service, stop: asyncio.Event, hurry: asyncio.Event, end_within: EndWithin, systemd: Systemd
) -> None:
    """Watch, tell and obey until told to stop."""
    mqtt = service.mqtt
    await _introduce(service)
    async with asyncio.TaskGroup() as way_out:
        tasks = [way_out.create_task(job(), name=name) for name, job in service.on_the_way_out.items()]
        log.info("ready", version=__version__, cameras=list(service.parts.settings.cameras), broker=str(mqtt))
        systemd.tell("READY=1")
        if systemd.every:
            tasks.append(way_out.create_task(systemd.live(), name="systemd"))
        hung: StuckError | None = None
        try:
            await aio.until(stop, _together(service.on_the_way_in))
        except* StuckError as errors:
            hung = StuckError(str(errors.exceptions[0]))
            end_within(PATIENCE, code=1)
        log.info("stopping")
        systemd.tell("STOPPING=1")
        service.pipeline.cameras.close()
        await service.visiting.finish()
        if service.web is not None:
            await service.web.house.chronicle.finish()
        await aio.until(hurry, mqtt.leave(FAREWELL))
        for task in tasks:
            task.cancel()
    if hung is not None:
        raise hung


async def _together(jobs: Mapping[str, Job]) -> None:
    """Do all of them until canceled, or until one fails."""
    async with asyncio.TaskGroup() as group:
        for name, job in jobs.items():
            group.create_task(job(), name=name)


async def _introduce(service: Service) -> None:
    """Everything the broker keeps, once; it is sent again whenever the broker may have lost it."""
    settings, outbox, control = service.parts.settings, service.outbox, service.control
    await service.mqtt.dispatcher.authority.load()
    await service.runtime.load()
    for name in settings.cameras:
        outbox.post(State(f"camera/{name}/status", "offline"))
        outbox.post(State(f"camera/{name}/paused", "OFF"))
    await control.tell_people()
    await service.visiting.load()
    await service.attending.begin()
    # Last: the broker's copy of the last run's tells what that one left there.
    outbox.post(State("info", service.info))


async def _tell_health(settings: Settings, health: Health, outbox: Outbox) -> None:
    """Tell how the service is: every `health_every` seconds, and soon after another part falls ill or gets well."""
    ill, due = None, 0.0
    while True:
        if time.monotonic() >= due or health.problems().keys() != ill:
            due = time.monotonic() + settings.health_every
            ill = health.problems().keys()
            outbox.post(State("health", await asyncio.to_thread(health.report)))
        await asyncio.sleep(min(TICK, settings.health_every))


async def _tick(service: Service) -> None:
    """Let time pass in the scenes, and notice what the command line did beside the service."""
    pipeline = service.pipeline
    while True:
        await asyncio.sleep(TICK)
        pipeline.tick()
        try:
            if await service.control.recognizer.refresh():
                service.mqtt.journal_changed()
                await service.control.gallery_changed()
        except StorageError as error:
            if "storage" not in pipeline.problems:
                log.warning("storage", problem=str(error))
            pipeline.problems["storage"] = str(error)
        else:
            pipeline.problems.pop("storage", None)


def _web(
    parts: Parts, control: Control, pipeline: Pipeline, latest: Latest, told: Overheard, loaded: Loaded | None
) -> WebServer | None:
    """The pages, which hear all that is told."""
    if parts.access is None:
        return None
    from uSense.hosting import Ground, web_server  # noqa: PLC0415 - heavy: paid for by those who have pages

    context = about.context(parts.settings, parts.recognizer)
    ground = Ground(parts.settings, loaded, parts.access, parts.storage.happenings)
    server = web_server(ground, control, pipeline.cameras, context, latest)
    told.ears.extend((server.house.hub.hear, server.house.chronicle.hear))
    return server


def _counters(*servers: FaceServer | WebServer | None) -> dict[str, int]:
    return {name: count for server in servers if server is not None for name, count in server.counters().items()}


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


def _runtime(parts: Parts, pipeline: Pipeline, mqtt: Mqtt, attending: Attending, outbox: Outbox) -> Runtime:
    """The settings that may change at run time: each has its value in the file, and where it counts."""
    announce, recognizer = parts.settings.announce, parts.recognizer
    runtime = Runtime(Notebook(parts.settings.data_dir / FILE), outbox)
    least = parts.settings.recognizer.least_threshold
    runtime.add("threshold", recognizer.rules.threshold, lambda it: pipeline.judge_by(threshold=it), least=least)
    runtime.add("margin", recognizer.rules.margin, lambda it: pipeline.judge_by(margin=it))
    runtime.add("repeat_after", announce.repeat_after, lambda it: pipeline.announce_by(repeat_after=it))
    runtime.add("unknown", announce.unknown, partial(setattr, pipeline.visiting, "telling"))
    runtime.add("announce_within", announce.within, partial(setattr, mqtt, "announce_within"))
    runtime.add("leave_after", parts.settings.presence.leave_after, lambda it: attending.leave_by(leave_after=it))
    return runtime


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
