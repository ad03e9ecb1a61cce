"""Unknown people while the service runs: whom the book knows, what is kept of them, and which of them are told."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog

from uSense.core.announcing import Telling
from uSense.core.errors import ConflictError, NotFoundError, RecognizerError, RequestError, StorageError
from uSense.core.events import Notice, Sighting, SightingType
from uSense.core.models import Answer, Probe
from uSense.core.scene import Outcome
from uSense.core.stats import Stats
from uSense.core.visitors import Book, Commit, Glimpse, Met, Visitor, VisitorRules, doubtful
from uSense.ports import Outbox, Recognizer, Visitors
from uSense.query import Query
from uSense.rejections import Rejecting
from uSense.visitor_keeping import packed, unpacked
from uSense.visitor_telling import gone_data, visitor_data

log = structlog.get_logger()

GATHER = 5.0
"""Seconds in which what is to be written comes together: an SD card wants few writes."""
SWEEP = 6 * 3600.0
"""Seconds between two looks for visitors who were not seen for too long."""
AGAIN = 60.0
"""Seconds after which what failed is tried again."""
LAST = 1.0
"""Seconds for the last write when the service stops."""
WAITING = 32
"""Tracks whose faces wait for the disk at most; the oldest leaves unwritten."""


class Visiting:
    """Follows the tracks of the pipeline, one track a visit."""

    def __init__(
        self, rules: VisitorRules, store: Visitors, recognizer: Recognizer, outbox: Outbox, stats: Stats
    ) -> None:
        self.book = Book(rules)
        self.telling: Telling = "all"
        """Which unknown people are told; corrections always are."""
        self.keep_crops = True
        self.gather = GATHER
        self.rejecting = Rejecting(store)
        self.problems: dict[str, str] = {}
        self._store = store
        self._recognizer = recognizer
        self._outbox = outbox
        self._stats = stats
        self._judged_by = recognizer.rules
        """The rules of whoever answers with embeddings."""
        self._waiting: deque[Commit] = deque()
        self._left: list[str] = []
        """Visitors whose rows are to be dropped."""
        self._traces = False
        """Whether some were dropped whose traces are still to be erased."""
        self._stale = True
        """Whether the gallery is another one than the book was compared with."""
        self._loaded = False
        self._swept = -SWEEP
        self._writing = asyncio.Lock()
        self._woken = asyncio.Event()
        self._withheld: dict[str, str] = {}
        """Events of tracks that were not told."""

    # Hooks of the pipeline

    def heard(self, query: Query, answer: Answer, outcome: Outcome) -> Sighting | None:
        """A look was answered: the sighting as it is to be told, if there is one."""
        sighting = outcome.sighting
        self.rejecting.looked(query.ask.track_id, answer.embedding)
        if self.book.rules.enabled:
            sighting = self._followed(query, answer, outcome)
        told = None if sighting is None else self._told(sighting)
        if told is not None:
            self.rejecting.note(told)
        return told

    def left(self, track_ids: Iterable[str]) -> None:
        """Tracks ended: what they say of unknown people is kept."""
        for track_id in track_ids:
            self._withheld.pop(track_id, None)
            self.rejecting.left(track_id)
            commit, met = self.book.ended(track_id, str(uuid.uuid4()), self._bar)
            if met is not None:
                self._tell_new(met)
            if commit is not None:
                self._put(commit)

    def ignored(self, track_id: str) -> bool:
        """Whether a track is of a visitor who is not told."""
        visitor = self.book.visitor(track_id)
        return visitor is not None and visitor.ignored

    def gallery_changed(self) -> None:
        """People or gallery are new: who was unknown may be somebody now."""
        self.book.doubt_all()
        self._stale = True
        self._woken.set()

    # The disk

    async def load(self) -> None:
        """Read what is kept, before anybody is looked at; all of it is erased if visitors are switched off."""
        try:
            await self._load()
            await self.rejecting.load()
        except StorageError as error:
            self._trouble(error)

    async def run(self) -> None:
        """Write, forget and compare when it is time, until canceled."""
        while True:
            self._woken.clear()
            await self.work()
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if self.problems else self._swept + SWEEP - time.monotonic()):
                    await self._woken.wait()
                    await asyncio.sleep(self.gather)

    async def work(self) -> None:
        """Do what is to be done now; what fails is a problem until the next time, and hinders nothing else."""
        steps = (self._load, self._compare, self._write, self._sweep)
        errors = [error for step in steps if (error := await _tried(step)) is not None]
        if errors:
            self._trouble(errors[0])
        else:
            self.problems.pop("visitors", None)

    async def finish(self) -> None:
        """The service stops: keep what the tracks that go on say."""
        self.left(self.book.tracks())
        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(LAST):
                await self._write()

    def counters(self) -> dict[str, int]:
        """How many are in the book."""
        minted = sum(visitor.minted for visitor in self.book.visitors.values())
        return {"visitors": minted, "visitors_to_be": len(self.book.visitors) - minted}

    # Use cases

    def everybody(self) -> list[Visitor]:
        """All who have an id, who was seen last first; RequestError if visitors are switched off."""
        if not self.book.rules.enabled:
            raise RequestError("visitors are switched off: set visitors.enabled to true", code="visitors_off")
        minted = [visitor for visitor in self.book.visitors.values() if visitor.minted]
        return sorted(minted, key=lambda visitor: visitor.last_seen_at, reverse=True)

    def find(self, visitor_id: str) -> Visitor:
        """The visitor with this id; NotFoundError."""
        for visitor in self.everybody():
            if visitor.visitor_id == visitor_id:
                return visitor
        raise NotFoundError("visitor", visitor_id)

    async def probes(self, visitor_id: str, most: int | None = None) -> list[Probe]:
        """The kept faces of a visitor, the best first; RequestError `no_crops` if none can be used."""
        self.find(visitor_id)
        await self._write()
        found = list((await unpacked(await self._store.crops(visitor_id), most)).values())
        if not found:
            raise RequestError("no picture of this visitor was kept (gallery.keep_crops)", code="no_crops")
        return found

    async def ignore(self, visitor_id: str, *, ignored: bool) -> Visitor:
        """Do not tell the sightings of a visitor any more, or tell them again."""
        visitor = self.find(visitor_id)
        visitor.ignored = ignored
        self._put(Commit(visitor, frozenset(), frozenset()))
        await self._write()
        return visitor

    @asynccontextmanager
    async def leaving(self, visitor_id: str) -> AsyncIterator[Visitor]:
        """Take a visitor out of the book, to be erased; they are back if the block fails."""
        visitor = self.find(visitor_id)
        self.book.remove([visitor_id])
        try:
            yield visitor
        except BaseException:
            self.book.visitors[visitor_id] = visitor
            raise

    async def erase(self, visitor_id: str) -> None:
        """Erase all that is kept of somebody who left; if that fails it is tried again soon, and StorageError."""
        try:
            await self._store.erase([visitor_id])
        except BaseException:
            self._left.append(visitor_id)
            self._swept = -SWEEP
            self._woken.set()
            raise

    async def merge(self, visitor_id: str, into: str) -> Visitor:
        """One visitor was another: the second gets visits and faces of the first, who is gone; the second."""
        for one in (visitor_id, into):
            self.find(one)
        if visitor_id == into:
            raise ConflictError("this is one visitor: name two", code="same_visitor")
        await self._write()
        probes = await unpacked(await self._store.crops(visitor_id))
        kept, gone = self.find(into), self.find(visitor_id)
        gone.pick_up(probes)
        self._left.append(visitor_id)
        self._put(self.book.merge(gone, kept))
        self._tell_gone([gone], "merged", into)
        await self._write()
        return kept

    async def delete(self, visitor_id: str) -> Visitor:
        """Forget a visitor, at once, and tell it."""
        async with self.leaving(visitor_id) as visitor:
            self._tell_gone([visitor], "deleted")
        await self.erase(visitor_id)
        return visitor

    def _followed(self, query: Query, answer: Answer, outcome: Outcome) -> Sighting | None:
        """The sighting with the visitor's id, if the face is a visitor's."""
        rules = answer.judge.rules if answer.judge else self._recognizer.rules
        sighting, track_id, face = outcome.sighting, query.ask.track_id, answer.embedding
        doubt = doubtful(outcome.vote, rules, self.book.rules.doubt)
        if face is None and not doubt:
            return sighting
        glimpse = None
        if face is not None:
            self._judged_by = rules
            probe = query.probe if self.keep_crops else None
            glimpse = None if doubt else Glimpse(face, query.look.quality.value, probe)
        self.book.look(track_id, query.camera, query.look.captured_at, glimpse)
        if outcome.verdict.decided and outcome.verdict.person_id is not None:
            gone = self.book.recognized(track_id)
            self._drop(gone, "recognized")
        elif sighting is not None and sighting.person_id is None:
            met = self.book.unknown(track_id, sighting.event_id, self._bar)
            if met is not None:
                return self._as_visitor(sighting, met)
        return sighting

    def _as_visitor(self, sighting: Sighting, met: Met) -> Sighting:
        if met.new:
            self._tell_new(met)
            self._put(Commit(met.visitor, frozenset(), frozenset()))
        return replace(sighting, visitor_id=met.visitor.visitor_id)

    def _told(self, sighting: Sighting) -> Sighting | None:
        """The sighting, unless such are not told; it never corrects one that was not."""
        track_id = sighting.track_id
        if sighting.type is SightingType.UNKNOWN:
            stranger = self.telling == "visitors" and sighting.visitor_id is None
            if stranger or self.telling == "nobody" or self.ignored(track_id):
                self._stats.counts["sightings_withheld"] += 1
                self._withheld[track_id] = sighting.event_id
                return None
        elif self._withheld.pop(track_id, None) is not None:
            return replace(sighting, replaces=None)
        return sighting

    @property
    def _bar(self) -> float:
        return self._judged_by.threshold + self.book.rules.stricter

    def _put(self, commit: Commit) -> None:
        self._waiting.append(commit)
        while len(self._waiting) > WAITING:
            lost = self._waiting.popleft()
            lost.visitor.put_down(lost.new)
            self._stats.counts["visits_unsaved"] += 1
        self._push_out()
        self._woken.set()

    def _push_out(self) -> None:
        if gone := self.book.crowded():
            self._stats.counts["visitors_pushed_out"] += len(gone)
            self._drop(gone, "pushed_out")

    def _drop(self, gone: Sequence[Visitor], reason: str) -> None:
        """These are no visitors any more; their rows go with the next write."""
        if gone:
            self._left += [visitor.visitor_id for visitor in gone]
            self._tell_gone(gone, reason)
            self._woken.set()

    def _tell_new(self, met: Met) -> None:
        visitor = met.visitor
        log.info("new visitor", visitor_id=visitor.visitor_id)
        self._outbox.post(Notice("visitor.new", visitor_data(visitor) | {"event_ids": list(visitor.event_ids)}))

    def _tell_gone(self, gone: Iterable[Visitor], reason: str, into: str | None = None) -> None:
        for visitor in gone:
            if visitor.minted:
                self._outbox.post(Notice("visitor.expired", gone_data(visitor, reason, into)))

    def _trouble(self, error: Exception) -> None:
        if "visitors" not in self.problems:
            log.warning("visitors", problem=str(error))
        self.problems["visitors"] = str(error)

    async def _load(self) -> None:
        if self._loaded:
            return
        found = await self._store.load()
        if self.book.rules.enabled:
            kept = {visitor.visitor_id: visitor for visitor in found if visitor.visitor_id not in self._left}
            self.book.visitors = kept | self.book.visitors
            self._push_out()
        elif found:
            await self._store.erase([visitor.visitor_id for visitor in found])
            log.info("visitors erased", visitors=len(found), hint="visitors.enabled is off")
        self._loaded = self._stale = True

    async def _compare(self) -> None:
        """Take those out of the book who are somebody enrolled by now."""
        if not self._stale:
            return
        self._stale = False
        try:
            await self._compared()
        except BaseException:
            self._stale = True
            raise

    async def _compared(self) -> None:
        await self.rejecting.load()
        known = [visitor for visitor in self.book.visitors.values() if visitor.faces]
        if known:
            answers = await self._recognizer.resembling([visitor.mean for visitor in known])
            by_id = {visitor.visitor_id: answer for visitor, answer in zip(known, answers, strict=True)}
            self._drop(self.book.enrolled(by_id, self._judged_by), "recognized")

    async def _write(self) -> None:
        async with self._writing:
            commits, self._waiting = list(self._waiting), deque()
            dropped, self._left = self._left, []
            if not commits and not dropped:
                return
            try:
                ready = await asyncio.to_thread(packed, commits)
                # Who was erased while crops were packed must not be written again.
                keeps = [keep for keep in ready if self.book.visitors.get(keep.visitor.visitor_id) is keep.visitor]
                await self._store.keep(keeps, dropped)
            except BaseException:
                self._waiting.extendleft(reversed(commits))
                self._left += dropped
                raise
            self._traces = self._traces or bool(dropped)
            for keep in keeps:
                keep.visitor.put_down(keep.new)

    async def _sweep(self) -> None:
        """Erase who was not seen for too long, and the traces of those who were dropped before."""
        if time.monotonic() - self._swept < SWEEP or self._left:
            return
        if misdated := self.book.misdated(time.time()):
            self._waiting.extend(Commit(visitor, frozenset(), frozenset()) for visitor in misdated)
            await self._write()
        gone = self.book.expired(time.time())
        if gone or self._traces:
            try:
                await self._store.erase([visitor.visitor_id for visitor in gone])
            except StorageError:
                self._left += [visitor.visitor_id for visitor in gone]
                raise
            finally:
                self._tell_gone(gone, "not_seen")
        self._traces = False
        self._swept = time.monotonic()


async def _tried(step: Callable[[], Awaitable[None]]) -> StorageError | RecognizerError | None:
    """What kept a step from being done."""
    try:
        await step()
    except (StorageError, RecognizerError) as error:
        return error
    return None
