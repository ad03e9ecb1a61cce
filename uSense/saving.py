"""Faces that are kept for a person, all of them or none: what fails, or is canceled at any step, is undone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import structlog

from uSense.core.errors import NotFoundError, NotUndoneError, UsenseError
from uSense.core.models import Person, Probe
from uSense.core.prompts import LEFT, LEFT_FACES, sentence
from uSense.ports import AddedFace, Recognizer

log = structlog.get_logger()

T = TypeVar("T")


class Gallery(Protocol):
    """Where people are kept, forgotten and trained."""

    recognizer: Recognizer

    async def erase_person(self, who: str) -> Any:
        """Forget a person, with a receipt."""

    async def train(self) -> Any:
        """Use what was kept."""

    async def against(self, person_id: str, probe: Probe) -> frozenset[str]:
        """Ids of what was said against such a face being that person's."""

    async def lift(self, rejection_ids: Collection[str]) -> None:
        """Let these not count any more."""


class Saving:
    """An `async with` block that keeps faces for `person`, or for somebody whom it creates; if it fails, undoes it all.

    What was said against such faces being that person's counts no more once all is done. NotUndoneError takes the place
    of an expected error if something could not be undone; `left` says it after a cancel, too. `retrain` is asked when
    it is canceled while it trains: whether to train again without the faces.
    """

    def __init__(
        self, gallery: Gallery, person: Person | None = None, retrain: Callable[[], bool] = lambda: False
    ) -> None:
        self.face_ids: list[str] = []
        """Ids of the faces that were kept."""
        self.done = False
        """Whether there is nothing more to do or to undo, though it be canceled."""
        self.left = ""
        """What could not be undone, as a sentence; empty if nothing is left."""
        self._gallery = gallery
        self._homes = [person] if person else list[Person]()
        self._created = person is None
        self._retrain = retrain
        self._training = self._trained = False
        self._against: set[str] = set()

    @property
    def person(self) -> Person:
        """Whose faces these are."""
        return self._homes[0]

    async def create(self, name: str) -> None:
        """Make the person, who then has no faces."""
        await _wholly(self._gallery.recognizer.create_person(name), self._homes.append)
        log.info("person created", person_id=self.person.person_id)

    async def add(self, probe: Probe, *, force: bool) -> AddedFace:
        """Keep a face."""
        # Asked before the face counts itself: then it is like the person anyway.
        against = await self._gallery.against(self.person.person_id, probe)
        added = await _wholly(self._gallery.recognizer.add_face(self.person.person_id, probe, force=force), self._added)
        self._against |= against
        return added

    async def train(self) -> None:
        """Let the faces count."""
        self._training = True
        await self._gallery.train()
        self._trained = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            await self._undo(error)
        elif self._against:
            try:
                await _wholly(self._gallery.lift(frozenset(self._against)), self._lifted)
            except BaseException as failure:
                if not self.done:
                    await self._undo(failure)
                raise

    async def _undo(self, error: BaseException) -> None:
        if not self._homes:
            return
        try:
            await (self._erase() if self._created else self._take_back())
        except UsenseError as failure:
            log.warning("not undone", person_id=self.person.person_id, problem=str(failure))
            self.left = (LEFT if self._created else LEFT_FACES).format(name=self.person.name)
            if isinstance(error, UsenseError):
                raise NotUndoneError(f"{sentence(error)}. {self.left}") from failure

    def _added(self, face: AddedFace) -> None:
        self.face_ids.append(face.face_id)

    def _lifted(self, _: object) -> None:
        self.done = True

    async def _erase(self) -> None:
        with suppress(NotFoundError):
            await self._gallery.erase_person(self.person.person_id)

    async def _take_back(self) -> None:
        for face_id in self.face_ids:
            with suppress(NotFoundError):
                await self._gallery.recognizer.delete_face(self.person.person_id, face_id)
        if self._trained or (self._training and self._retrain()):
            await self._gallery.train()


async def _wholly(work: Coroutine[Any, Any, T], done: Callable[[T], None]) -> T:
    """Do a step to its end, also if canceled meanwhile, and hand on its result: else nobody could undo it."""
    task = asyncio.create_task(work, name="saving")
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait((task,))
        if not task.cancelled() and task.exception() is None:
            done(task.result())
