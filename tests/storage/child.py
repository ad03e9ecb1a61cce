"""What other processes do to a data folder: `python -m tests.storage.child VERB FOLDER [ARGUMENT]`.

It prints JSON; at a meeting point it prints "ready" and waits for a line on stdin.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from tests.storage.samples import DONE, MODEL, gallery_of, vectors
from tests.support.groups import USERS, train_group
from uSense.core.errors import StorageError
from uSense.storage import Storage, open_storage


def say(result: object) -> None:
    """Tell the test."""
    sys.stdout.write(f"{json.dumps(result)}\n")
    sys.stdout.flush()


def meet() -> None:
    """Wait for the test."""
    say("ready")
    sys.stdin.readline()


def die() -> int:
    """End as a power cut would end it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


async def create(folder: Path, name: str) -> None:
    """Start on the folder, which others may be creating too, and enroll somebody."""
    meet()
    async with open_storage(folder, wait=20) as storage:
        person = await storage.vault.create_person(name)
        await storage.vault.add_template(person.person_id, MODEL, list(vectors()))


async def rename(folder: Path, names: str) -> None:
    """`old,new`."""
    old, new = names.split(",")
    async with open_storage(folder) as storage:
        (person,) = [person for person in await storage.vault.people() if person.name == old]
        await storage.vault.update_person(person.person_id, name=new)


async def train(folder: Path, value: str) -> None:
    """Save 15 galleries in which every number is `value`; prints their versions."""
    async with open_storage(folder, wait=20) as storage:
        gallery = gallery_of(*await storage.vault.people(), rows=20, width=128)
        gallery.vectors[:] = float(value)
        meet()
        saved = [await storage.vault.save_gallery(gallery, model=MODEL, report=DONE) for _ in range(15)]
    say([report.gallery for report in saved])


def hold(folder: Path, begin: str) -> None:
    """Keep a transaction open that locks others out of writing or of emptying the log."""
    connection = sqlite3.connect(folder / "usense.sqlite3", isolation_level=None)
    connection.execute(begin)
    connection.execute("SELECT count(*) FROM persons").fetchone()
    meet()
    connection.close()


async def fail_to_grow(folder: Path, limit: str) -> None:
    """Save a gallery while no file may grow over `limit` bytes; prints the error and what is current after it."""
    async with open_storage(folder) as storage:
        big = gallery_of(*await storage.vault.people(), rows=200, width=128)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), hard))
        try:
            await storage.vault.save_gallery(big, model=MODEL, report=DONE)
        except StorageError as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            _, report = await storage.vault.load_gallery(MODEL, big.metric)
            say([str(error), report.gallery])


async def save(storage: Storage) -> None:
    """Replace the gallery by one of zeros."""
    gallery = gallery_of(*await storage.vault.people(), rows=100, width=128)
    gallery.vectors[:] = 0
    await storage.vault.save_gallery(gallery, model=MODEL, report=DONE)


async def delete(storage: Storage) -> None:
    """Forget the first person."""
    await storage.vault.delete_person((await storage.vault.people())[0].person_id)


async def merge(storage: Storage) -> None:
    """Make the first person a part of the second."""
    first, second, *_ = await storage.vault.people()
    await storage.vault.merge_people(first.person_id, second.person_id)


async def train_group_anew(storage: Storage) -> None:
    """Replace the served gallery by one of what is there now."""
    await train_group(storage.groups)


async def delete_served(storage: Storage) -> None:
    """Forget the first served person."""
    await storage.groups.delete_person(USERS, (await storage.groups.persons(USERS))[0].person_id)


async def delete_group(storage: Storage) -> None:
    """Forget a served group."""
    await storage.groups.delete_group(USERS)


STEPS = {"os.rename", "os.mkdir", "os.remove", "os.listdir", "os.scandir", "open", "sqlite3.connect"}
"""What is audited and changes or opens files."""


def at_statement(step: int) -> Callable[[sqlite3.Connection], None]:
    """Arm the connection to kill the process before the `step`-th SQL statement from now."""
    left = iter(range(step, 0, -1))
    return lambda connection: connection.set_trace_callback(lambda _: die() if next(left) == 1 else None)


def at_tick(step: int) -> Callable[[sqlite3.Connection], None]:
    """Arm it to kill the process in the middle of a statement."""
    left = iter(range(step, 0, -1))
    return lambda connection: connection.set_progress_handler(lambda: die() if next(left) == 1 else 0, 97)


def at_byte(step: int) -> Callable[[sqlite3.Connection], None]:
    """Arm it to be killed by the kernel in the middle of writing the log, which happens at COMMIT."""

    def arm(_: sqlite3.Connection) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000 + 10_007 * step, resource.RLIM_INFINITY))

    return arm


def at_file(step: int) -> Callable[..., None]:
    """Arm it to kill the process before the `step`-th call that opens, renames or removes another file."""

    def arm(*_: sqlite3.Connection) -> None:
        left = iter(range(step, 0, -1))
        sys.addaudithook(lambda event, _: die() if event in STEPS and next(left, 0) == 1 else None)

    return arm


KILLERS = {"statement": at_statement, "tick": at_tick, "byte": at_byte, "file": at_file}
WORK: dict[str, Callable[[Storage], Awaitable[None]]] = {
    work.__name__: work for work in (save, delete, merge, train_group_anew, delete_served, delete_group)
}


async def act(folder: Path, work: str, arm: Callable[[sqlite3.Connection], None]) -> None:
    """Do the work on `folder` with the killer armed."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    async with open_storage(folder) as storage:
        database = storage.vault._database
        await database.look(arm)
        await WORK[work](storage)
        await database.look(lambda connection: connection.set_trace_callback(None))
        await database.look(lambda connection: connection.set_progress_handler(None, 0))
        # What is left of the limit concerns only the work.
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def crash(folder: Path, plan: str) -> None:
    """Do the work on copies of `folder`, killed one step later in each, until it survives; prints how many died."""
    work, killer = plan.split(",")
    for step in range(1, 1000):
        copy = folder.with_name(f"{folder.name}-{killer}-{step}")
        shutil.copytree(folder, copy)
        pid = os.fork()
        if not pid:
            asyncio.run(act(copy, work, KILLERS[killer](step)))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            say([step - 1, os.waitstatus_to_exitcode(status)])
            return


def crash_mending(folder: Path, _: str) -> None:
    """Open copies of the damaged `folder`, killed one step later in each, until one survives; prints how many died."""
    for step in range(1, 1000):
        copy = folder.with_name(f"{folder.name}-{step}")
        shutil.copytree(folder, copy)
        pid = os.fork()
        if not pid:
            asyncio.run(open_and_die(copy, step))
            os._exit(0)
        _pid, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            say([step - 1, os.waitstatus_to_exitcode(status)])
            return


async def open_and_die(folder: Path, step: int) -> None:
    """Open it as the service does, killed before the `step`-th of the audited calls."""
    at_file(step)()
    async with open_storage(folder, mend=True):
        pass


VERBS = {"create": create, "rename": rename, "train": train, "fail_to_grow": fail_to_grow}

if __name__ == "__main__":
    verb, place, argument = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    np.seterr(all="raise")
    if verb in VERBS:
        asyncio.run(VERBS[verb](place, argument))
    else:
        {"hold": hold, "crash": crash, "crash_mending": crash_mending}[verb](place, argument)
