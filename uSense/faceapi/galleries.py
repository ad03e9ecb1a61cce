"""Trainings of served groups in the background, and the galleries that the last successful ones fixed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import structlog

from uSense.core import matching
from uSense.core.errors import BadImageError, NotFoundError, StorageError
from uSense.core.faceapi.faults import FAMILIES
from uSense.core.groups import GroupKey, GroupPerson, GroupTraining
from uSense.core.matching import Gallery
from uSense.faceapi.seams import Parts

log = structlog.get_logger()

HELD = 64
"""Galleries held in memory; the one that was not asked for the longest time leaves."""
_PAGE = 1000
_NOBODY = "There is no person with a face in the group."
_INTERRUPTED = "The training was interrupted: train again."


class Galleries:
    """One training of a group at a time; meanwhile, and after a failure, the gallery before it serves."""

    def __init__(self, parts: Parts, tasks: asyncio.TaskGroup) -> None:
        self._parts = parts
        self._tasks = tasks
        self._running: dict[GroupKey, asyncio.Task[None] | None] = {}
        self._held: dict[GroupKey, tuple[str, Gallery]] = {}

    async def training(self, key: GroupKey) -> GroupTraining:
        """State of the last training; one that ended with its process has failed."""
        training = await self._parts.groups.training(key)
        if training.state == "running" and key not in self._running:
            return replace(training, state="failed", message=_INTERRUPTED)
        return training

    def require_idle(self, key: GroupKey) -> None:
        """Raises Fault while a training of the group runs."""
        if key in self._running:
            raise FAMILIES[key.kind].in_training()

    async def train(self, key: GroupKey) -> None:
        """Begin a training; raises Fault while one runs."""
        self.require_idle(key)
        self._running[key] = None
        try:
            now = time.time()
            before = await self._parts.groups.training(key)
            begun = replace(before, state="running", created=now, last_action=now, message="")
            await self._parts.groups.set_training(key, begun)
            task = self._tasks.create_task(self._train(key, begun), name=f"face-api train {key.group_id}")
        except BaseException:
            del self._running[key]
            raise
        self._running[key] = task

    def stop(self) -> None:
        """End the trainings under way; they count as interrupted."""
        for task in self._running.values():
            if task is not None:
                task.cancel()

    async def gallery(self, key: GroupKey) -> Gallery:
        """What the last successful training of an existing group fixed; raises Fault if there is nothing."""
        mark = await self._parts.groups.mark(key, self._parts.embedding.model)
        held = self._held.pop(key, None)
        if held is None or held[0] != mark:
            held = mark, await self._loaded(key)
        self._held[key] = held
        while len(self._held) > HELD:
            del self._held[next(iter(self._held))]
        return held[1]

    def forget(self, key: GroupKey) -> None:
        """Hold nothing of a group that is gone."""
        self._held.pop(key, None)

    async def _loaded(self, key: GroupKey) -> Gallery:
        embedding, family = self._parts.embedding, FAMILIES[key.kind]
        gallery = await self._parts.groups.load_gallery(key, embedding.model, embedding.metric)
        if gallery is not None:
            return gallery
        if (await self.training(key)).state == "succeeded":
            # By another net than today's: the kept crops may do for a gallery of this one.
            await self.train(key)
        self.require_idle(key)
        raise family.not_trained(400)

    async def _train(self, key: GroupKey, begun: GroupTraining) -> None:
        try:
            problem = await self._trained(key, begun)
            if problem:
                failed = replace(begun, state="failed", last_action=time.time(), message=problem)
                await self._parts.groups.set_training(key, failed)
        except NotFoundError:
            log.info("face api training ended", group=key.group_id, problem="the group was deleted")
        except StorageError as error:
            # Its state stays `running` on the disk, which counts as interrupted as soon as this ends.
            log.warning("face api training failed", group=key.group_id, problem=str(error))
        finally:
            del self._running[key]

    async def _trained(self, key: GroupKey, begun: GroupTraining) -> str:
        """Train; says why that failed."""
        groups, embedding = self._parts.groups, self._parts.embedding
        try:
            await self._renew(key)
            templates = await groups.templates(key, embedding.model)
            persons = [(person.person_id, person.name) async for person in self._persons(key)]
        except StorageError as error:
            log.warning("face api training failed", group=key.group_id, problem=str(error))
            return str(error)
        faces = [(template.person_id, template.vectors) for template in templates]
        gallery = await asyncio.to_thread(matching.build, embedding.metric, persons, faces)
        if not gallery.person_ids:
            return _NOBODY
        now = time.time()
        done = replace(begun, state="succeeded", last_action=now, last_success=now)
        await groups.save_gallery(key, embedding.model, gallery, done)
        log.info("face api training finished", group=key.group_id, persons=len(gallery.person_ids), faces=len(faces))
        return ""

    async def _renew(self, key: GroupKey) -> None:
        """Vectors of the net in use for faces that have only a crop and those of another net."""
        groups, embedding = self._parts.groups, self._parts.embedding
        for place in await groups.lacking(embedding.model, key):
            try:
                probe = await embedding.unpack(await groups.crop(place))
                vectors = await embedding.enroll(probe)
                await groups.renew(place, embedding.model, list(vectors))
            except (BadImageError, NotFoundError) as error:
                log.warning("face api face not renewed", group=key.group_id, face=place.face_id, problem=str(error))

    async def _persons(self, key: GroupKey) -> AsyncIterator[GroupPerson]:
        start = ""
        while page := await self._parts.groups.persons(key, start, _PAGE):
            for person in page:
                yield person
            start = page[-1].person_id
