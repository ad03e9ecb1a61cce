"""The Azure Face contract as uSense serves it, in this process: a backend for the client's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tests.peers.azure_faults import KEY
from uSense.aio import Lane
from uSense.core.groups import GroupKey, GroupPerson
from uSense.core.judging import DecisionRules
from uSense.detectors.hog import HogSettings
from uSense.faceapi.gateway import application
from uSense.faceapi.seams import Parts
from uSense.faceapi.service import open_service
from uSense.faceapi.settings import FaceApiSettings
from uSense.recognizers.embedders.base import Embedder
from uSense.recognizers.embedding import LocalEmbedding
from uSense.recognizers.points import open_points
from uSense.storage import SqliteGroups, open_storage

GROUP = GroupKey("persongroups", "users")


@dataclass(frozen=True)
class Served:
    """The application and what it keeps."""

    app: web.Application
    groups: SqliteGroups

    async def people(self) -> list[GroupPerson]:
        """Everybody in the group `users`."""
        return await self.groups.persons(GROUP)

    async def markers(self, person_id: str) -> list[str]:
        """What stands at a person's faces."""
        person = await self.groups.person(GROUP, person_id)
        found = [await self.groups.face(GROUP, person_id, face_id) for face_id in person.face_ids]
        return sorted(face.user_data or "" for face in found)


@asynccontextmanager
async def served(folder: Path, embedder: Embedder) -> AsyncIterator[Served]:
    """A fresh one, with real detector, net and database, that takes `azure_faults.KEY`."""
    async with AsyncExitStack() as stack:
        lane = await stack.enter_async_context(Lane("embed"))
        storage = await stack.enter_async_context(open_storage(folder))
        parts = Parts(
            groups=storage.groups,
            detector=await stack.enter_async_context(HogSettings().open("detect")),
            embedding=LocalEmbedding(lane, embedder),
            points=(await stack.enter_async_context(open_points())).find,
            threshold=DecisionRules().threshold,
            keep_crops=False,
        )
        service = await stack.enter_async_context(open_service(FaceApiSettings(), parts))
        yield Served(application(service, [KEY.encode()]), storage.groups)
