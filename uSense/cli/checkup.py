"""The checks of `usense doctor`: everything that the service needs, looked at without changing anything."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from uSense.cli import served
from uSense.core.errors import BrokerRefusedError, CameraError, ModelError, StorageError, UsenseError
from uSense.core.findings import Finding, ok, problem, warning

if TYPE_CHECKING:
    from uSense.mqtt.asker import Asker
    from uSense.settings import Settings

CAMERA_WITHIN = 20.0
"""Seconds for a camera to open and to send its first picture."""
ECHO_WITHIN = 2.0
"""Seconds in which a message comes back from the broker."""
LEAST_SPACE = 50e6
LITTLE_SPACE = 500e6


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Everything but settings and machine, in the order in which it is needed."""
    async with AsyncExitStack() as stack:
        sound = True
        for finding in await asyncio.to_thread(lambda: list(data_folder(settings.data_dir))):
            sound = sound and finding.state != "problem"
            yield finding
        async for finding in _models(settings, stack, sound=sound):
            yield finding
        info: dict[str, Any] | None = None
        try:
            asker = await _meet(stack, settings)
        except UsenseError as error:
            yield await asyncio.to_thread(_no_broker, error, settings)
        else:
            async for finding in _broker(asker, settings):
                yield finding
            info, finding = await _service(asker, settings)
            yield finding
        yield await served.look(settings)
        for name in settings.cameras:
            yield await _camera(name, settings, None if info is None else asker, info or {})
        if not settings.cameras:
            yield warning("cameras", "there is none in the settings", "`usense config example` shows one")


# The data folder


def data_folder(folder: Path) -> Iterator[Finding]:
    """Rights, space, key and integrity. Reads files: not for the event loop."""
    from uSense.runtime import FILE
    from uSense.storage import DATABASE, KEY

    existing = next((one for one in (folder, *folder.parents) if os.path.exists(one)), folder)  # noqa: PTH110 - Path's raises where one may not look
    if not os.path.isdir(existing) or not os.access(existing, os.W_OK | os.X_OK):  # noqa: PTH112 - the same
        todo = "give the user who runs uSense the right to write there, or set data_dir"
        yield problem("data folder", f"{existing} cannot be written by this user (uid {os.geteuid()})", todo)
        return
    free = shutil.disk_usage(existing).free
    if free < LEAST_SPACE:
        yield problem("disk", f"{free / 1e6:.0f} MB are free for {folder}", "free some space")
    elif free < LITTLE_SPACE:
        yield warning("disk", f"{free / 1e6:.0f} MB are free for {folder}", "free some space soon")
    else:
        yield ok("disk", f"{free / 1e9:.1f} GB are free for {folder}")
    if not (folder / DATABASE).exists():
        yield ok("data folder", f"{folder} is empty yet: the first start makes what it needs")
        return
    yield _open_to_others(folder) or ok("data folder", f"{folder} belongs to its user only")
    if not (folder / KEY).exists():
        yield problem("key", f"{folder / KEY} is missing", "put it back from a backup: without it no face can be read")
    yield _integrity(folder / DATABASE)
    yield from _changed(folder / FILE)


def _open_to_others(folder: Path) -> Finding | None:
    exposed = [file for file in (folder, *sorted(folder.glob("*"))) if file.is_file() and file.stat().st_mode & 0o077]
    if not exposed:
        return None
    names = " ".join(map(str, exposed))
    return warning("data folder", f"other users may read {names}", f"chmod 600 {names}")


def _integrity(path: Path) -> Finding:
    """What SQLite says of the file; read only, so that nothing is repaired or moved."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said == "ok":
        return ok("database", f"{path.name} is sound")
    todo = "`usense run` moves it aside and goes on with its newest backup; or `usense restore FILE`"
    return problem("database", f"{path}: {said}", todo)


def _changed(path: Path) -> Iterator[Finding]:
    """What was set at run time, as it wins over the settings file."""
    with suppress(OSError, ValueError):
        changed = json.loads(path.read_bytes())
        if isinstance(changed, dict) and changed:
            words = ", ".join(f"{name} {value}" for name, value in changed.items())
            yield ok(
                "settings at run time", f"{words}: settings/set changed it, and null resets it to the settings file"
            )


# Models


async def _models(settings: Settings, stack: AsyncExitStack, *, sound: bool) -> AsyncIterator[Finding]:
    from uSense.storage import DATABASE, open_storage

    yield await _detector(settings)
    begun = sound and await asyncio.to_thread((settings.data_dir / DATABASE).exists)
    folder = settings.data_dir
    if not begun:  # an empty folder stays empty
        aside = await asyncio.to_thread(TemporaryDirectory, prefix="usense-doctor-")
        stack.push_async_callback(asyncio.to_thread, aside.cleanup)
        folder = Path(aside.name)
    try:
        storage = await stack.enter_async_context(open_storage(folder))
        people = await storage.vault.people()
    except StorageError as error:
        yield problem("people", str(error))
        return
    try:
        async with settings.recognizer.open(storage, lazily=True) as recognizer:
            for finding in await recognizer.checkup():
                yield finding
            people = await recognizer.people()
    except UsenseError as error:
        yield problem("recognizer", str(error))
    if not sound:
        return
    again = [person.name for person in people if person.enroll_again]
    untrained = sum(not person.trained and bool(person.face_ids) for person in people)
    if not people:
        yield warning("people", "nobody is enrolled: everybody is unknown", "usense enroll NAME PHOTO...")
    elif again:
        yield warning("people", f"no crops of {', '.join(again)} were kept for this embedder", "enroll them again")
    elif untrained:
        yield warning("people", f"{len(people)} enrolled, {untrained} of them not trained", "usense train")
    else:
        yield ok("people", f"{len(people)} enrolled and trained")


async def _detector(settings: Settings) -> Finding:
    try:
        async with settings.detector.open("doctor") as detector:
            begun = time.perf_counter()
            await detector.detect(await asyncio.to_thread(_noise))
            return ok("detector", f"{detector.model} searches a picture in {_milliseconds(begun)}")
    except ModelError as error:
        return problem("detector", str(error))


def _noise() -> Any:
    import numpy as np

    from uSense import imaging

    return imaging.ArrayPicture(np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8))


def _milliseconds(begun: float) -> str:
    return f"{(time.perf_counter() - begun) * 1000:.0f} ms"


# The broker and the service


async def _meet(stack: AsyncExitStack, settings: Settings) -> Asker:
    from uSense.cli import remote

    return await remote.meet(
        stack, settings, "health", "camera/+/status", "camera/+/paused", "command/#", "response/#", "doctor"
    )


def _no_broker(error: UsenseError, settings: Settings) -> Finding:
    """What an unreachable broker means; the embedded one is there only while the service is."""
    from uSense import leash
    from uSense.storage.lock import is_served

    if not settings.mqtt.embedded:
        todo = "if there is no broker in the house: `mqtt: {embedded: true}`"
        return problem("broker", str(error), "" if isinstance(error, BrokerRefusedError) else todo)
    if leash.find("mosquitto") is None:
        return problem("broker", "mqtt.embedded is true, but mosquitto is not installed", "apt install mosquitto")
    if is_served(settings.data_dir):
        return problem("broker", f"the service's own broker: {error}", "the log of the service tells why")
    return ok("broker", "mosquitto is installed and will run with the service")


async def _broker(asker: Asker, settings: Settings) -> AsyncIterator[Finding]:
    """Whether messages that uSense needs go out and come back."""
    from uSense.entities import Message

    topics = settings.mqtt.topics
    yield ok("broker", f"{settings.mqtt.address} lets uSense in")
    refused = []
    # Retained, without a payload: nothing is kept of it, and the service takes the first for no request.
    for suffix, retain in (("command/doctor", True), ("response/doctor", False), ("doctor", True)):
        topic = topics.of(suffix)
        try:
            await asker.send(Message(topic, b"", retain=retain))
        except BrokerRefusedError as error:
            refused.append(str(error))
            continue
        if await asker.latest(topic, ECHO_WITHIN) is None:
            refused.append(f"what is published to {topic} does not come back")
    if refused:
        who = settings.mqtt.username or "clients without user name"
        todo = f"allow {who} in the broker's access list: write {topics.of('#')}, read {topics.of('#')}"
        yield problem("broker rights", "; ".join(refused), todo)
    else:
        yield ok("broker rights", f"uSense may publish and read below {settings.mqtt.prefix}")


async def _service(asker: Asker, settings: Settings) -> tuple[dict[str, Any] | None, Finding]:
    """What the running service says of itself, None if there is none."""
    from uSense.cli import remote
    from uSense.cli.healthcheck import judged
    from uSense.mqtt.asker import parsed
    from uSense.storage.lock import is_served

    info = await remote.introduce(asker, settings)
    if info is None:
        if await asyncio.to_thread(is_served, settings.data_dir):
            text = f"a service uses {settings.data_dir}, but is not online at the broker"
            return None, problem("service", text, "its log tells why; `usense healthcheck`")
        return None, ok("service", "none runs at the moment")
    health = asker.last.get(settings.mqtt.topics.of("health"))
    reason = judged(parsed(health.payload) if health else None, info, time.time())
    who = f"instance {info.get('instance')!r}, version {info.get('version')}"
    return info, problem("service", f"{who}: {reason}") if reason else ok("service", f"{who} is well")


# Cameras


def _offline(name: str, settings: Settings, asker: Asker) -> Finding:
    """Why a camera of the running service is offline."""
    from uSense.mqtt.asker import parsed

    topics, check = settings.mqtt.topics, f"camera {name}"
    paused = asker.last.get(topics.of(f"camera/{name}/paused"))
    if paused is not None and paused.payload == b"ON":
        return warning(check, "is paused", f"`{topics.of('command/camera/resume')}` with payload {name} opens it again")
    health = asker.last.get(topics.of("health"))
    told = parsed(health.payload) if health else None
    reasons = str(told.get("reason")).split("; camera ") if isinstance(told, dict) else []
    reason = next((one.split(": ", 1)[1] for one in reasons if one.removeprefix("camera ").startswith(f"{name}: ")), "")
    return problem(check, f"is offline in the running service{': ' if reason else ''}{reason}")


async def _camera(name: str, settings: Settings, asker: Asker | None, info: Mapping[str, Any]) -> Finding:
    """One that a service uses is asked about, another one is opened; `info` is what the service says of itself."""
    check = f"camera {name}"
    if asker is not None:
        status = asker.last.get(settings.mqtt.topics.of(f"camera/{name}/status"))
        if status is None:
            unread = "the running service has it, but its state cannot be read at the broker", ""
            missing = "the running service does not have it", "restart the service after a change of it"
            return warning(check, *(unread if name in info.get("cameras", ()) else missing))
        if status.payload == b"online":
            return ok(check, "the running service gets its pictures")
        return _offline(name, settings, asker)
    try:
        async with asyncio.timeout(CAMERA_WITHIN), settings.cameras[name].open(name) as camera:
            frame = await camera.read()
            width, height = frame.picture.size
            return ok(check, f"sends pictures of {width}x{height}")
    except TimeoutError:
        return problem(check, f"no picture within {CAMERA_WITHIN:g} s", "is it plugged in, and its address right?")
    except CameraError as error:
        return problem(check, error.reason)
