"""The whole demo: starts everything in order, lets the story run, ends everything in reverse."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from uSense.demo import broker, client, pages, stage, story
from uSense.demo.broker import LOOPBACK, Broker, BrokerKind
from uSense.demo.child import Child, launch
from uSense.demo.client import Client
from uSense.demo.pages import Pages
from uSense.demo.stage import Stage
from uSense.demo.view import View

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY_WITHIN = 180.0
"""Seconds for the service to load its models: a Pi reads them from a memory card."""
REPEAT_AFTER = 3.0
"""Seconds after which somebody has left, and is announced or visits again: they come back soon."""
WITHIN, LIFETIME = 5.0, 10.0
"""Seconds of the scene within which a name is told, and for which the broker may tell it: the defaults."""
INTERRUPTED = 130
DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for."""

    seconds: float | None = None
    """Length of the story, after the service is ready; None: until a signal."""
    pace: float = 1.0
    """Seconds of the scene that pass in a second."""
    camera: dict[str, Any] | None = None
    """Settings of the user's own camera, instead of the scene."""
    broker: BrokerKind = BrokerKind.AUTO
    """Which broker to run."""
    logs: bool = False
    """The service logs to the demo's stderr; otherwise the log's end is shown if it fails."""


async def run(options: Options, view: View) -> int:
    """Show it and return the exit code; DemoError, maybe in groups, if something does not start or ends too early.

    0 when the time is up, or when told to stop and no time was set; 130 when told to stop before its time. A second
    signal ends what still runs by force.
    """
    with _listening_to_signals() as told:
        try:
            await _show(options, view)
        except asyncio.CancelledError:
            if not told:
                raise
            return 0 if options.seconds is None else INTERRUPTED
    return 0


async def _show(options: Options, view: View) -> None:
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(_temporary_folder())
        mqtt = await stack.enter_async_context(broker.running(folder, options.broker))
        scene = None if options.camera else await stack.enter_async_context(stage.serving(options.pace))
        listener = await stack.enter_async_context(client.connected(mqtt.port))
        camera = options.camera or {"kind": "stream", "url": scene.url if scene else ""}
        site = await pages.prepared(folder / DATA)
        settings = await asyncio.to_thread(_write_settings, folder, mqtt.port, camera, site, options.pace)
        _introduce(view, options, mqtt, scene, settings)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [
            group.create_task(_listen(listener, view), name="demo.listen"),
            group.create_task(mqtt.child.watch(), name="demo.broker"),
        ]
        command = (sys.executable, "-m", "uSense", "run", "-c", settings)
        log = None if options.logs else folder / "service.log"
        async with await launch("the service", command, log=log) as service:
            await _ready(view, listener, scene, service, site)
            await _perform(options, view, listener, scene, service)
        for task in tasks:
            task.cancel()


async def _ready(view: View, listener: Client, scene: Stage | None, service: Child, site: Pages) -> None:
    """Wait until the service is there, and say where its pages are: before that nobody could look at them."""
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(service.watch(), name="demo.service")
        try:
            async with asyncio.timeout(READY_WITHIN):
                await story.ready(listener, cameras=scene is not None)
                await site.opened()
        except TimeoutError:
            raise await service.failure(f"was not ready within {READY_WITHIN:.0f} s") from None
        watching.cancel()
    view.say(f"The pages of uSense, for a browser: {site.address} with the password {site.password}")


async def _perform(options: Options, view: View, listener: Client, scene: Stage | None, service: Child) -> None:
    """The story, from the service's readiness to the end of the time."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(service.watch(), name="demo.service")]
        if scene:
            await story.prologue(listener, view.say)
            scene.begin()
            tasks.append(group.create_task(story.plot(listener, view.say), name="demo.plot"))
        if options.seconds is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(options.seconds)
        for task in tasks:
            task.cancel()


async def _listen(listener: Client, view: View) -> None:
    """Show all that comes, with a remark."""
    async for received in listener.messages():
        view.show(received)
        remark = story.remark(received)
        if remark:
            view.say(remark)


def _introduce(view: View, options: Options, mqtt: Broker, scene: Stage | None, settings: Path) -> None:
    """Say plainly what is real and what is not, and how to look at it."""
    for line in story.OPENING if scene else story.OWN_CAMERA:
        view.say(line)
    if scene:
        view.say(f"The scene, for a browser: {scene.url}")
    else:
        view.say(f"  usense enroll -c {settings} 'Name' PHOTO PHOTO PHOTO")
    view.say(f"MQTT broker: {mqtt.kind} at {LOOPBACK}:{mqtt.port}. To listen, without the pictures that are sent:")
    view.say(f"  mosquitto_sub -p {mqtt.port} -t 'usense/#' -T 'usense/command/#' -v")
    view.say("Loading the models ..." + (" Ctrl-C ends the demo." if options.seconds is None else ""))


def _write_settings(folder: Path, port: int, camera: dict[str, Any], site: Pages, pace: float) -> Path:
    """The settings file of a service that lives in `folder`; where people are slow, names may be late, too."""
    settings = {
        "instance": "demo",
        "data_dir": str(folder / DATA),
        "web": site.settings,
        "mqtt": {"host": LOOPBACK, "port": port, "identity_lifetime": LIFETIME / pace},
        "cameras": {story.CAMERA: camera},
        "announce": {"repeat_after": REPEAT_AFTER, "within": WITHIN / pace},
        "presence": {"leave_after": REPEAT_AFTER / pace},
        "visitors": {"apart": REPEAT_AFTER / pace},
    }
    file = folder / "usense.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


@asynccontextmanager
async def _temporary_folder() -> AsyncIterator[Path]:
    folder = await asyncio.to_thread(TemporaryDirectory, prefix="usense-demo-")
    try:
        yield Path(folder.name)
    finally:
        await asyncio.to_thread(folder.cleanup)


@contextmanager
def _listening_to_signals() -> Iterator[list[signal.Signals]]:
    """Every signal to stop cancels the current task, and is found in the list."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    told: list[signal.Signals] = []

    def stop(which: signal.Signals) -> None:
        told.append(which)
        if task:
            task.cancel()

    for which in SIGNALS:
        loop.add_signal_handler(which, stop, which)
    try:
        yield told
    finally:
        for which in SIGNALS:
            loop.remove_signal_handler(which)
