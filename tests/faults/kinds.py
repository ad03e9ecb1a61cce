"""What can break around the service, and how it is mended: one context manager a fault."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults import steps
from tests.faults.house import BOUND, OPEN, House

Strike = Callable[[House, random.Random], AbstractAsyncContextManager[None]]
DATABASE = "usense.sqlite3"
_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
connection.execute("BEGIN IMMEDIATE")
print("ready", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault. While it lasts, health (or the log) has to say all of `words`, which `|` separates."""

    kind: str
    strike: Strike
    words: str = ""
    weight: int = 1
    """How often it comes, beside the others."""
    bound: float = BOUND
    passing: bool = False
    """Whether it is over as soon as it has struck: everything else is recovery."""
    clock: bool = False
    """Whether it needs a service whose clock can be turned."""
    root: bool = False
    """Whether it needs a disk of its own."""


# The broker


@asynccontextmanager
async def broker_killed(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The broker dies, and is started again."""
    house.ledger.cut(time.monotonic())
    house.broker.kill()
    yield
    await asyncio.to_thread(house.broker.start)


@asynccontextmanager
async def broker_restarted(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The broker is stopped in order, and started again."""
    house.ledger.cut(time.monotonic())
    await asyncio.to_thread(house.broker.stop)
    yield
    await asyncio.to_thread(house.broker.start)


def broker_frozen(seconds: float) -> Strike:
    """The broker does not answer; what it was sent it reads later."""

    @asynccontextmanager
    async def strike(house: House, rng: random.Random) -> AsyncIterator[None]:
        begun = time.monotonic()
        house.ledger.cut(begun)
        house.broker.freeze()
        try:
            await asyncio.sleep(seconds)
            yield
        finally:
            house.ledger.wakes(time.monotonic())
            house.broker.thaw()
        if not house.complained("broker", begun):
            house.ledger.connected(time.monotonic())

    return strike


@asynccontextmanager
async def broker_hangs_up(house: House, rng: random.Random) -> AsyncIterator[None]:
    """Something listens at the broker's port and closes every connection."""

    async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    house.ledger.cut(time.monotonic())
    house.broker.kill()
    server = await asyncio.start_server(close, "127.0.0.1", house.broker.port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.to_thread(house.broker.start)


@asynccontextmanager
async def broker_forbids(house: House, rng: random.Random) -> AsyncIterator[None]:
    """A wrong access list: nobody may publish anything but commands; somebody trains all the same."""
    house.ledger.cut(time.monotonic())
    house.broker.reload("pattern read #\npattern write usense/command/#\n")
    await house.order("train", {})
    yield
    house.broker.reload(OPEN)
    house.ledger.connected(time.monotonic())


# The camera


@asynccontextmanager
async def camera_gone(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The camera is unplugged, and comes back."""
    await house.hall.__aexit__(None, None, None)
    try:
        yield
    finally:
        await house.hall.__aenter__()


@asynccontextmanager
async def camera_drops(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The camera breaks the connection."""
    house.hall.drop_clients()
    yield


@asynccontextmanager
async def camera_stalled(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The connection stays and no picture comes."""
    house.hall.stalled = True
    yield
    house.hall.stalled = False


@asynccontextmanager
async def camera_garbage(house: House, rng: random.Random) -> AsyncIterator[None]:
    """Nonsense comes in place of pictures."""
    house.hall.garbage = rng.randbytes(5000)
    yield
    house.hall.garbage = b""


# Threads


def ordered(order: str, *, for_good: bool = False) -> Strike:
    """A thread of the service hangs or dies; the service ends when that is for good."""

    @asynccontextmanager
    async def strike(house: House, rng: random.Random) -> AsyncIterator[None]:
        file = house.service.orders / order
        file.touch()
        ends = len(house.exits)
        if for_good:
            await house.until(lambda: len(house.exits) > ends, BOUND, f"the end of a service with {order}")
        yield
        file.unlink()

    return strike


# The disk and the database


@asynccontextmanager
async def disk_full(house: House, rng: random.Random) -> AsyncIterator[None]:
    """No room, or no file may grow; what is asked is refused, and what lasts waits."""
    if house.disk.own:
        await asyncio.to_thread(house.disk.fill)
    else:
        resource.prlimit(house.service.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    for number in range(40):
        reply = await house.ask("person/create", {"name": f"Nobody {number}", "user_data": "x" * 16_000})
        if reply["status"] == "error":
            break
    await house.ask("train", {})
    yield
    if house.disk.own:
        house.disk.make_room()
    else:
        resource.prlimit(house.service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await house.ask("train", {})
    for kept in range(number):
        await house.ask("person/delete", {"person_id": f"Nobody {kept}"})


@asynccontextmanager
async def disk_read_only(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The kernel makes a damaged disk read-only; mended by a new start, as a Pi with a bad SD card is."""
    await asyncio.to_thread(house.disk.fail)
    await house.ask("train", {})
    yield
    await house.stop(signal.SIGKILL)
    await asyncio.to_thread(house.disk.repair)
    house.may_run.set()


def database_locked(seconds: float) -> Strike:
    """Another program holds the database."""

    @asynccontextmanager
    async def strike(house: House, rng: random.Random) -> AsyncIterator[None]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _HOLD, str(house.disk.place / DATABASE)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        await process.stdout.readline()
        transaction = await house.order("train", {})
        await asyncio.sleep(seconds)
        try:
            yield
        finally:
            await process.communicate(b"")
        await house.until(lambda: transaction in house.replies, BOUND, "reply of train")
        await house.ask("train", {})

    return strike


def database_damaged(*, running: bool, beginning: bool) -> Strike:
    """Bytes of the database are overwritten, at its beginning or all over; mended by putting a backup back.

    A service that runs may not even notice: it has read what it needs.
    """

    @asynccontextmanager
    async def strike(house: House, rng: random.Random) -> AsyncIterator[None]:
        file = house.disk.place / DATABASE
        if running:
            os.kill(house.service.pid, signal.SIGSTOP)
        else:
            await house.stop(signal.SIGTERM)
        copies = [shutil.copy2(path, house.folder / path.name) for path in _files(file)]
        damage(file, rng, beginning=beginning)
        if running:
            os.kill(house.service.pid, signal.SIGCONT)
            await house.order("train", {})
        else:
            house.may_run.set()
        try:
            yield
        finally:
            await house.stop(signal.SIGKILL)
            for path in _files(file):
                path.unlink()
            for folder in house.disk.place.glob("damaged-*"):
                shutil.rmtree(folder)  # as health asks the household to
            for copy in copies:
                shutil.move(copy, house.disk.place)
            await asyncio.to_thread(os.sync)  # else a disk that fails next would lose the backup
            house.may_run.set()

    return strike


def damage(file: Path, rng: random.Random, *, beginning: bool) -> None:
    """Overwrite a part of every page but the first, or the first bytes of the file; also what lies in the log."""
    for path in [file, *([log] if (log := file.with_name(f"{file.name}-wal")).exists() else [])]:
        with path.open("r+b") as data:
            size = path.stat().st_size
            for place in (0,) if beginning else range(4096, size, 4096):
                data.seek(place)
                data.write(rng.randbytes(200))


def _files(file: Path) -> list[Path]:
    """The database with its log; the index of the log is made anew."""
    return [path for path in file.parent.glob(f"{file.name}*") if not path.name.endswith("-shm")]


# What a process may use


@asynccontextmanager
async def no_files_left(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The service may open nothing more, and loses its camera."""
    pid = house.service.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()}
    free = next(number for number in range(len(used) + 1) if number not in used)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))
    house.hall.drop_clients()
    yield
    if house.service.pid == pid and house.service.runs:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@asynccontextmanager
async def no_memory_left(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The service may use little more memory than it does, and is sent a large picture."""
    pid = house.service.pid
    size = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (size + 32 * 2**20, resource.RLIM_INFINITY))
    await house.order("identify", {"image": steps.large_picture()})
    yield
    if house.service.pid == pid and house.service.runs:
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


# The clock


def clock_jumps(shift: str) -> Strike:
    """The clock is set, as a Pi without a clock chip does when the network comes."""

    @asynccontextmanager
    async def strike(house: House, rng: random.Random) -> AsyncIterator[None]:
        house.turn_clock(shift)
        await asyncio.sleep(rng.uniform(1.0, 2.0))
        yield

    return strike


# The service itself


@asynccontextmanager
async def service_killed(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The service is killed at any moment, perhaps while it trains."""
    if rng.random() < 0.5:
        await house.order("train", {})
    await asyncio.sleep(rng.uniform(0.0, 0.5))
    await house.stop(signal.SIGKILL)
    yield
    house.may_run.set()


@asynccontextmanager
async def service_frozen(house: House, rng: random.Random) -> AsyncIterator[None]:
    """The service gets no processor time for a while."""
    pid = house.service.pid
    os.kill(pid, signal.SIGSTOP)
    house.ledger.cut(time.monotonic())
    await asyncio.sleep(rng.uniform(1.0, 3.0))
    yield
    os.kill(pid, signal.SIGCONT)
    house.ledger.connected(time.monotonic())


FAULTS: tuple[Fault, ...] = (
    Fault("broker killed", broker_killed, "broker|lost", 3),
    Fault("broker restarted", broker_restarted, "broker|lost", 2),
    Fault("broker frozen 1 s", broker_frozen(1.0), weight=2),
    Fault("broker frozen 6 s", broker_frozen(6.0), "broker|lost"),
    Fault("broker frozen 14 s", broker_frozen(14.0), "broker|lost"),
    Fault("broker hangs up", broker_hangs_up, "hung up", 2),
    Fault("broker forbids", broker_forbids, "the broker does not let|publish"),
    Fault("camera gone", camera_gone, "hall|nobody answers", 2),
    Fault("camera drops", camera_drops, "ended the stream", passing=True),
    Fault("camera stalled", camera_stalled, "hall|no picture", 2),
    Fault("camera garbage", camera_garbage, "hall|decoded", 2),
    Fault("detector stuck", ordered("stuck-detector"), "detect|has not answered"),
    Fault("detector stuck for good", ordered("stuck-detector", for_good=True), "detect|has not answered"),
    Fault("detector dead", ordered("dead-detector", for_good=True), "detector died"),
    Fault("net stuck", ordered("stuck-net"), "embed|has not answered"),
    Fault("net dead", ordered("dead-net", for_good=True), "net died"),
    Fault("disk full", disk_full, "full", 2),
    Fault("disk read-only", disk_read_only, "disk", root=True),
    Fault("database locked 1 s", database_locked(1.0), weight=2),
    Fault("database locked 12 s", database_locked(11.0), "locked"),
    Fault("database damaged at start", database_damaged(running=False, beginning=False), "damaged"),
    Fault("database no more at start", database_damaged(running=False, beginning=True), "damaged"),
    Fault("database damaged", database_damaged(running=True, beginning=False)),
    Fault("no files left", no_files_left, "open files", 2),
    Fault("no memory left", no_memory_left),
    Fault("service killed", service_killed, weight=3, passing=True),
    Fault("service frozen", service_frozen, weight=2),
    *(Fault(f"killed in {step}", steps.killed(step), weight=2, passing=True) for step in steps.STEPS),
    Fault("killed beside", steps.killed_beside, weight=2, passing=True),
    Fault("clock + 1 h", clock_jumps("+3600"), clock=True),
    Fault("clock - 1 h", clock_jumps("-3600"), clock=True),
    Fault("clock + 10 y", clock_jumps("+10y"), clock=True),
    Fault("clock right", clock_jumps("+0"), clock=True),
)
"""Every kind there is."""
