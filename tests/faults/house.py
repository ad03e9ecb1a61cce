"""A household for faults: the real service under a supervisor, a real broker, cameras, and a witness that hears all."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from tests.faults.disk import Disk
from tests.faults.ledger import LIFETIME, Ledger, parsed
from tests.peers.mjpeg import MjpegServer
from tests.peers.mosquitto import Mosquitto
from tests.peers.service import Service
from tests.peers.witness import Seen, Witness
from tests.support.portraits import EILEEN, GRACE, pose
from uSense.core.models import Rgb

SIDE = 320
FPS = 10
POSES = 5
HERE, AWAY = 12, 6
"""Pictures with the person, and without."""
BOUND = 30.0
"""Seconds within which everything has to be well again."""
CAMERAS = {"hall": {"Grace"}, "door": {"Eileen"}, "shelf": {"Grace", "Eileen"}}
PERSISTENT = "persistence true\npersistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\n"
"""What the broker has for those who are away survives its own death."""
OPEN = "pattern readwrite #\n"
"""An access list for all; patterns, because mosquitto forgets who may read what of those who are away."""
SETTINGS: Mapping[str, Any] = {
    "voting": {"needed": 2, "unknown_needed": 4, "window": 5},
    "tracking": {"lost_after": 0.3, "lost_looks": 2},
    "announce": {"repeat_after": 0.0},
    "pipeline": {"patience": 15},
    "health_every": 1,
    "log": {"format": "json", "level": "debug"},
}


def shown(photo: Rgb, number: int) -> Rgb:
    """The person comes and goes."""
    turn, phase = divmod(number, HERE + AWAY)
    if phase >= HERE:
        return np.full((SIDE, SIDE, 3), 90, np.uint8)
    return _posed(photo is GRACE, turn % POSES)


@cache
def _posed(grace: bool, number: int) -> Rgb:  # noqa: FBT001 - one of two people
    photo = Image.fromarray(pose(GRACE if grace else EILEEN, number))
    return np.asarray(photo.resize((SIDE, SIDE)))


class HallCamera(MjpegServer):
    """A network camera that sees Grace come and go."""

    def picture(self) -> Rgb:
        return shown(GRACE, int(self.number * FPS / self.fps))


class Hearing(Witness):
    """A client whose session outlives its connections: the broker keeps for it what it misses."""

    def __init__(self, port: int, heard: Callable[[Seen], None]) -> None:
        super().__init__(port)
        self.options = ("-c", "-i", f"witness-{secrets.token_hex(4)}", "-x", "86400")
        self._heard = heard

    def note(self, message: Seen) -> None:
        self.seen = [*self.seen[-50:], message]
        self._heard(message)


class Watched(Service):
    """The service with its trap doors, whose log is followed."""

    def __init__(self, folder: Path, port: int, cameras: Mapping[str, Any], told: Callable[[str], None]) -> None:
        super().__init__(folder, port, cameras, **SETTINGS)
        self.orders = folder / "orders"
        self.program = ("-m", "tests.faults.child", str(self.orders))
        self._told = told

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.returncode is None

    def note(self, line: str) -> None:
        super().note(line)
        del self.lines[:-2000]
        self._told(line)

    async def over(self) -> int:
        """Wait until the process has ended and its log is read; its exit code."""
        assert self._process is not None
        assert self._reader is not None
        code = await self._process.wait()
        await self._reader
        return code


class House:
    """Everything together; `async with` it. What it is told goes into the ledger."""

    def __init__(self, folder: Path, *, clock: Path | None = None, fps: int = FPS, workers: int = 1) -> None:
        self.folder = folder
        self.ledger = Ledger({name: frozenset(people) for name, people in CAMERAS.items()}, wall_clock=clock is None)
        self.broker = Mosquitto(folder / "broker", acl=OPEN, extra=PERSISTENT.format(folder=folder / "broker"))
        self.fps = fps
        self.workers = workers
        self.hall = HallCamera(fps=fps)
        self.disk = Disk(folder / "disk", folder / "service" / "data")
        self.exits: list[int] = []
        """Exit codes of the service's processes, all of which were replaced at once."""
        self.health: tuple[float, dict[str, Any]] = (0.0, {})
        self.replies: dict[str, dict[str, Any]] = {}
        """Replies by transaction."""
        self.said: list[tuple[float, str]] = []
        """What went wrong in the service's own words, from its log, and when."""
        self.may_run = asyncio.Event()
        """While set, a service that ended is started again, as a container would be."""
        self._starting = asyncio.Lock()
        self.ruined = False
        """Whether nothing helps any more."""
        self._news = asyncio.Event()
        self._stack = AsyncExitStack()
        self._clock = clock

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.disk)
            await asyncio.to_thread(self.broker.start)
            stack.callback(self.broker.kill)
            await stack.enter_async_context(self.hall)
            self.service = Watched(self.folder / "service", self.broker.port, self._cameras(), self._line)
            self.service.orders.mkdir(parents=True, exist_ok=True)
            await self.service.done("enroll", "--folder", str(self._photos()))
            self.service.environment = {"USENSE_PIPELINE__WORKERS": str(self.workers)}
            if self._clock is not None:
                self.turn_clock("+0")
                self.service.environment |= faked(self._clock)
            await stack.enter_async_context(Hearing(self.broker.port, self._hear))
            keeper = asyncio.create_task(self._keep(), name="supervisor")
            stack.push_async_callback(self._end, keeper)
            self.may_run.set()
            await self.well(0.0, 60)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def until(self, test: Callable[[], object], seconds: float, what: str) -> None:
        """Wait until something is true, looking again at every message and line of the log."""
        try:
            async with asyncio.timeout(seconds):
                while not test():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s: {what}; health {self.health[1].get('reason')!r}") from None

    async def well(self, since: float, seconds: float = BOUND) -> None:
        """Wait until every camera names people again and health has no complaint, both later than `since`."""
        try:
            await self.until(lambda: self._is_well(since), seconds, "well again")
        except AssertionError as error:
            silent = [name for name in CAMERAS if not self.ledger.named(name, since)]
            raise AssertionError(f"{error}; silent cameras {silent}; last words {self.said[-3:]}") from None

    async def ask(self, command: str, payload: Mapping[str, Any], seconds: float = 30.0) -> dict[str, Any]:
        """Send a command, as soon as there is somebody to hear it, and wait for its reply."""
        await self.until(lambda: self.ledger.is_connected, seconds, f"a service to be asked for {command}")
        transaction = await self.order(command, payload)
        await self.until(lambda: transaction in self.replies, seconds, f"reply of {command}")
        return self.replies.pop(transaction)

    async def order(self, command: str, payload: Mapping[str, Any]) -> str:
        """Send a command; the transaction that its reply will have."""
        transaction = secrets.token_hex(6)
        process = await asyncio.create_subprocess_exec(
            *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker.port), "-V", "5", "-q", "1", "-s"),
            *("-t", f"usense/command/{command}"),
            stdin=asyncio.subprocess.PIPE,
        )
        await process.communicate(json.dumps({**payload, "transaction": transaction}).encode())
        assert process.returncode == 0
        return transaction

    async def beside(self, place: str, *arguments: str) -> int:
        """Run a command beside the service, that dies at a place in one of its writes; its exit code."""
        orders = self.folder / "beside"
        orders.mkdir(exist_ok=True)
        (orders / "die").write_text(place, "ascii")
        command = Service(self.service.folder, self.broker.port)
        command.settings, command.environment = self.service.settings, self.service.environment
        command.program = ("-m", "tests.faults.child", str(orders))
        code, _, _ = await command.ask(*arguments)
        return code

    def complained(self, words: str, since: float) -> bool:
        """Whether health, or while the broker cannot tell it the log, says all of these words."""
        texts = [text for at, text in self.said if at > since]
        texts += [str(self.health[1].get("reason"))] if self.health[0] > since else []
        return any(all(word in text for word in words.split("|")) for text in texts)

    def turn_clock(self, shift: str) -> None:
        """Set the service's clock, if it has one of its own."""
        assert self._clock is not None
        self._clock.write_text(shift, "ascii")

    async def rescue(self) -> None:
        """After a fault that was not survived: everything anew but the data, so that the next one can come."""
        for order in self.service.orders.iterdir():
            order.unlink()
        self.hall.stalled, self.hall.garbage = False, b""
        self.broker.restart()
        await self.stop(signal.SIGKILL)
        if self.disk.own:
            await asyncio.to_thread(self.disk.repair)
            self.disk.make_room()
        self.may_run.set()
        try:
            await self.well(time.monotonic(), 2 * BOUND)
        except AssertionError:
            self.ruined = True

    async def stop(self, number: signal.Signals) -> None:
        """End the service and keep it from being started again."""
        self.may_run.clear()
        ends = len(self.exits)
        self.ledger.cut(time.monotonic())
        async with self._starting:
            running = self.service.runs
        if running:
            self.service.send(number)
            await self.until(lambda: len(self.exits) > ends, 15, f"end by {number.name}")

    def stir(self) -> None:
        """Let those who wait look again."""
        self._news.set()

    def _is_well(self, since: float) -> bool:
        at, report = self.health
        fine = at > since and report.get("state") == "ok"
        return fine and all(self.ledger.named(name, since) for name in CAMERAS)

    def _hear(self, message: Seen) -> None:
        self.ledger.hear(message)
        if message.topic == "usense/health" and not message.retain:
            self.health = message.at[0], message.json
        elif message.topic.startswith("usense/response/"):
            reply = message.json
            if "transaction" in reply:
                self.replies[reply["transaction"]] = reply
        self.stir()

    def _line(self, text: str) -> None:
        now, line = time.monotonic(), parsed(text)
        self.ledger.log(line, now)
        words = line.get("problem") or line.get("reason") or line.get("error") if line else text
        if words:
            self.said = [*self.said[-500:], (now, str(words))]
        self.stir()

    async def _keep(self) -> None:
        """Keep the service running, whatever ends it."""
        self.service.write()
        while True:
            await self.may_run.wait()
            async with self._starting:
                await self.service.begin()
            code = await self.service.over()
            self.ledger.cut(time.monotonic())
            self.exits.append(code)
            self.stir()

    async def _end(self, keeper: asyncio.Task[None]) -> None:
        keeper.cancel()
        await asyncio.wait((keeper,))
        await self.service.kill()
        if not keeper.cancelled():
            keeper.result()

    def _cameras(self) -> dict[str, Any]:
        still = {"enabled": False}
        shelf = self.folder / "shelf"
        shelf.mkdir()
        for number, photo in enumerate((GRACE, EILEEN)):
            Image.fromarray(pose(photo, 5)).resize((SIDE, SIDE)).save(shelf / f"{number}.png")
        return {
            "hall": {"kind": "stream", "url": self.hall.url, "fps": self.fps, "read_timeout": 1, "open_timeout": 2},
            "door": {
                "kind": "stream",
                "url": str(film(self.folder / "door.mp4", self.fps)),
                "fps": self.fps,
                "loop": True,
            },
            "shelf": {"kind": "folder", "path": str(shelf), "hold": 1.0, "fps": self.fps, "motion": still},
        }

    def _photos(self) -> Path:
        for name, photo in (("Grace", GRACE), ("Eileen", EILEEN)):
            folder = self.folder / "photos" / name
            folder.mkdir(parents=True)
            for number in range(3):
                Image.fromarray(pose(photo, number)).save(folder / f"{number}.png")
        return self.folder / "photos"


def film(path: Path, fps: int) -> Path:
    """Eileen comes and goes."""
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=fps)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for number in range(3 * (HERE + AWAY) * fps // FPS):
            picture = shown(EILEEN, number * FPS // fps)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode())
    return path


def faked(file: Path) -> dict[str, str]:
    """Environment in which the wall clock, and only that, follows what libfaketime reads in a file."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


__all__ = ["BOUND", "CAMERAS", "LIFETIME", "House"]
