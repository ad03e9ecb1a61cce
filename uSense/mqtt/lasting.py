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
RETRY = 30.0
"""Seconds until a journal that failed is asked again."""

_NOT_SAVED = "a lasting notice was not saved"
_NOT_READ = "lasting notices cannot be read"
_NOT_REMOVED = "lasting notices cannot be removed and may be told twice"


class Lasting:
    """Saves notices, loads those that the broker does not have yet, and removes those that it has.

    When the disk fails, that is a `problem` and tried again; a notice that cannot be saved goes to `unsaved` instead.
    """

    def __init__(
        self, journal: Journal, loadable: asyncio.Event, unsaved: Callable[[Notice], None], *, retry: float = RETRY
    ) -> None:
        self._journal = journal
        self._loadable = loadable
        self._unsaved = unsaved
        self._retry = retry
        self._noted: deque[Notice] = deque()
        self._overflow = 0
        self._sent: set[int] = set()
        self._news = asyncio.Event()
        self._saving = False
        self._more = True
        self._resting = False
        self._closed = False
        self._problems: dict[str, str] = {}

    @property
    def dropped(self) -> int:
        """Notices that left before they were saved, or the journal before they were delivered."""
        return self._overflow + self._journal.dropped

    @property
    def problem(self) -> str | None:
        """What the disk did not let us do, in plain words, until that succeeds."""
        return "; ".join(f"{what}: {why}" for what, why in self._problems.items()) or None

    @property
    def settled(self) -> bool:
        """Whether everything noted is saved, and everything saved was loaded and removed, as far as the disk works."""
        loadable = self._more and not self._resting
        removable = self._sent and _NOT_REMOVED not in self._problems
        return not (self._noted or self._saving or loadable or removable)

    def note(self, notice: Notice) -> None:
        """Take a notice to be saved; never waits."""
        if len(self._noted) >= UNSAVED:
            self._noted.popleft()
            self._overflow += 1
        self._noted.append(notice)
        self._news.set()

    async def keep(self) -> None:
        """Save what is noted and remove what was delivered, until `close`; sets `loadable` each time."""
        while True:
            self._news.clear()
            await self._save()
            await self._remove()
            self._loadable.set()
            if self._closed and not self._noted:
                return
            await self._wait()

    def close(self) -> None:
        """Let `keep` return when everything noted is saved."""
        self._closed = True
        self._news.set()

    def renew(self) -> None:
        """A new connection, or another process: there may be notices that were not loaded."""
        self._more, self._resting = True, False
        self._news.set()

    async def load(self, limit: int) -> list[tuple[int, Notice]]:
        """The oldest saved notices that were not delivered, with their numbers, if there may be any.

        All that were loaded before must have been delivered.
        """
        if not self._more or self._resting:
            return []
        self._more = False
        sent = frozenset(self._sent)
        try:
            pending = await self._journal.pending(limit + len(sent))
        except StorageError as error:
            self._more = self._resting = True
            self._fail(_NOT_READ, error)
            self._news.set()
            return []
        self._problems.pop(_NOT_READ, None)
        # Those sent are the oldest: one that is not among these has left the disk.
        self._sent.intersection_update(number for number, _ in pending)
        fresh = [(number, notice) for number, notice in pending if number not in sent]
        self._more = self._more or len(fresh) >= limit
        return fresh[:limit]

    def delivered(self, number: int) -> None:
        """The broker has it, or can never have it: it is not loaded again, and removed as soon as the disk allows."""
        self._sent.add(number)
        self._news.set()

    def refused(self) -> None:
        """The broker does not allow one that was loaded: all that it does not have are loaded again after a rest."""
        self._more = self._resting = True
        self._news.set()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._retry if self._problems or self._resting else None):
                await self._news.wait()
        except TimeoutError:
            self._problems.pop(_NOT_SAVED, None)
            self._resting = False

    async def _save(self) -> None:
        while self._noted:
            notice = self._noted.popleft()
            self._saving = True
            try:
                await self._journal.append(notice)
                self._problems.pop(_NOT_SAVED, None)
                self._more, self._resting = True, False
            except StorageError as error:
                self._fail(_NOT_SAVED, error)
                self._unsaved(notice)
            finally:
                self._saving = False

    async def _remove(self) -> None:
        for number in sorted(self._sent):
            if self._noted:
                return  # saving goes first
            try:
                await self._journal.done(number)
            except StorageError as error:
                self._fail(_NOT_REMOVED, error)
                return
            self._sent.discard(number)
        self._problems.pop(_NOT_REMOVED, None)

    def _fail(self, what: str, error: StorageError) -> None:
        """Keep a problem in mind, and say it once."""
        if self._problems.get(what) != str(error):
            self._problems[what] = str(error)
            log.warning("journal", problem=f"{what}: {error}")
