"""Lasting notices on their way through the journal."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from uSense.core.errors import StorageError
from uSense.core.events import Notice
from uSense.ports import Journal

log = structlog.get_logger()

UNSAVED = 256
"""Notices that may wait for the disk; when there are more, the oldest leaves."""


class Lasting:
    """Saves notices and loads those that the broker does not have yet.

    When the disk fails, that is logged, and a notice that cannot be saved goes to `unsaved` instead.
    """

    def __init__(self, journal: Journal, loadable: asyncio.Event, unsaved: Callable[[Notice], None]) -> None:
        self.dropped = 0
        """Notices that left before they were saved."""
        self._journal = journal
        self._loadable = loadable
        self._unsaved = unsaved
        self._noted: deque[Notice] = deque()
        self._news = asyncio.Event()
        self._saving = False
        self._more = True
        self._stuck = False
        self._closed = False

    @property
    def settled(self) -> bool:
        """Whether everything noted is saved, and everything saved was loaded."""
        return not (self._noted or self._saving or (self._more and not self._stuck))

    def note(self, notice: Notice) -> None:
        """Take a notice to be saved; never waits."""
        if len(self._noted) >= UNSAVED:
            self._noted.popleft()
            self.dropped += 1
        self._noted.append(notice)
        self._news.set()

    async def keep(self) -> None:
        """Save what is noted, until `close`; sets `loadable` each time."""
        while True:
            self._news.clear()
            await self._save()
            if self._closed:
                return
            await self._news.wait()

    def close(self) -> None:
        """Let `keep` return when everything noted is saved."""
        self._closed = True
        self._news.set()

    async def _save(self) -> None:
        while self._noted:
            notice = self._noted.popleft()
            self._saving = True
            try:
                await self._journal.append(notice)
                self._more = True
            except StorageError as error:
                log.warning("lasting notice not saved", type=notice.type, problem=str(error))
                self._unsaved(notice)
            finally:
                self._saving = False
            self._loadable.set()

    def renew(self) -> None:
        """A new connection, or another process: there may be notices that were not loaded, or did not arrive."""
        self._more, self._stuck = True, False

    async def load(self, limit: int) -> list[tuple[int, Notice]]:
        """The oldest saved notices with their numbers, if there may be any."""
        if not self._more or self._stuck:
            return []
        self._more = False
        try:
            pending = await self._journal.pending(limit)
        except StorageError as error:
            log.warning("lasting notices not read", problem=str(error))
            return []
        self._more = self._more or len(pending) == limit
        return pending

    async def delivered(self, number: int) -> None:
        """The broker has it."""
        try:
            await self._journal.done(number)
        except StorageError as error:
            if not self._stuck:
                log.warning("lasting notices not removed; they will be sent again", problem=str(error))
            # What cannot be removed would be loaded and sent again and again.
            self._stuck = True
