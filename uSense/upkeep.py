"""What the service does by itself for the gallery: templates for a new model, and automatic backups."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

import structlog

from uSense.control import Control
from uSense.core.errors import RecognizerError, RequestError, StorageError
from uSense.core.events import Notice
from uSense.core.models import Renewal
from uSense.ports import Archive, Outbox

log = structlog.get_logger()

LOOK = 3600.0
"""Seconds between two looks whether something is to be done, unless woken."""
AGAIN = 60.0
"""Seconds after which what failed is tried again."""
TOLD = 2.0
"""Seconds between two events about a renewal's progress."""
LATE = 30.0
"""Seconds that a process beside the service has to tell what it did, before the service does."""


Recover: TypeAlias = Callable[[float], Awaitable[Sequence[Notice]]]
"""Notices of what others did and did not tell within so many seconds."""


async def tell_late(recover: Recover, outbox: Outbox, *, rest: float = LATE) -> None:
    """Tell what was done by processes that died before they could: of those before this one at once."""
    patience = 0.0
    while True:
        with suppress(StorageError):  # whoever looks for changes has the same problem, and says it
            for notice in await recover(patience):
                log.info("told late", notice=notice.type, hint="the process that did it did not")
                outbox.post(notice)
            patience = rest
        await asyncio.sleep(rest)


async def back_up(archive: Archive) -> None:
    """Write the automatic backup if one is due; raises StorageError."""
    if await archive.due(time.time()):
        backup = await archive.keep("auto")
        log.info("automatic backup", file=backup.path.name, people=backup.people)


class Upkeep:
    """Runs in the background of the service; what is wrong meanwhile is among `problems`, in plain words."""

    def __init__(self, control: Control, archive: Archive, on_gallery: Callable[[], None]) -> None:
        self.control = control
        self.archive = archive
        self.on_gallery = on_gallery
        self.problems: dict[str, str] = {}
        self._woken = asyncio.Event()
        self._told_at = 0.0
        self._nameless: tuple[str, ...] = ()

    def gallery_changed(self) -> None:
        """People or gallery are new: tell who wants to know, and look again."""
        self.on_gallery()
        self._woken.set()

    async def run(self) -> None:
        """Look, and wait for an hour or for something new, until canceled."""
        while True:
            self._woken.clear()
            await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if "upkeep" in self.problems else LOOK):
                    await self._woken.wait()

    async def look(self) -> None:
        """Do what is to be done; what fails is a problem until the next look."""
        try:
            await self._renew()
            await self._tell_who_enrolls_again()
            await back_up(self.archive)
            self._set("database", await self.archive.damage())
        except (StorageError, RequestError, RecognizerError) as error:
            self._set("upkeep", str(error))
            self._set("gallery", "")
        else:
            self._set("upkeep", "")

    async def _renew(self) -> None:
        """Templates of the model in use for faces that have only others; then a training makes them count."""
        began = time.monotonic()
        done = await self.control.recognizer.renew(self._progress)
        self._set("gallery", f"{done.failed} kept crops cannot be used: enroll again" if done.failed else "")
        if not done.untrained:
            return
        await self.control.train()
        seconds = round(time.monotonic() - began, 1)
        log.info("templates renewed", faces=done.faces, failed=done.failed, seconds=seconds)
        self.control.outbox.post(Notice("gallery.renewed", {**self._data(done), "seconds": seconds}, lasting=True))

    def _progress(self, now: Renewal) -> None:
        told = now.faces + now.failed
        self._set(
            "gallery",
            f"templates for the model {self.control.recognizer.model} are being made ({told} of {now.total}): "
            "people are recognized again when that is done",
        )
        at = time.monotonic()
        if at >= self._told_at:
            self._told_at = at + TOLD
            self.control.outbox.post(Notice("gallery.renewing", self._data(now)))

    def _data(self, now: Renewal) -> dict[str, object]:
        return {"model": self.control.recognizer.model, "faces": now.faces, "total": now.total, "failed": now.failed}

    async def _tell_who_enrolls_again(self) -> None:
        """Name those of whom nothing is kept that the model in use could be fed with."""
        people = await self.control.people()
        names = tuple(person.name for person in people if person.enroll_again)
        model = self.control.recognizer.model
        text = f"{', '.join(names)} must be enrolled again: no crops were kept for the model {model}" if names else ""
        self._set("enrollment", text)
        if names and names != self._nameless:
            log.warning("must be enrolled again", names=list(names), model=model)
            who = [{"person_id": one.person_id, "name": one.name} for one in people if one.enroll_again]
            self.control.outbox.post(Notice("gallery.enroll_again", {"model": model, "people": who}))
        self._nameless = names

    def _set(self, part: str, problem: str) -> None:
        if problem:
            self.problems[part] = problem
        else:
            self.problems.pop(part, None)
