"""The served Face contract, put together: beside the service, or alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from uSense import aio, doors, lifetime
from uSense.aio import Lane
from uSense.core.errors import StorageError, StuckError
from uSense.faceapi import server
from uSense.faceapi.seams import Parts
from uSense.faceapi.server import FaceServer
from uSense.ports import Archive
from uSense.recognizers.embedding import LocalEmbedding
from uSense.recognizers.local import LocalRecognizer
from uSense.recognizers.points import open_points
from uSense.settings import Settings
from uSense.storage import Storage, open_storage
from uSense.storage.lock import sole_service
from uSense.upkeep import LOOK, back_up

log = structlog.get_logger()

PATIENCE = 4.0
"""Seconds in which everything has ended after the order to stop, if nothing hangs."""


@asynccontextmanager
async def open_face_server(
    settings: Settings, storage: Storage, recognizer: object = None
) -> AsyncIterator[FaceServer]:
    """A server on an open socket, to be run; shares the net of a local recognizer, otherwise it opens its own.

    Raises SettingsError, ModelError and StorageError.
    """
    keys = await asyncio.to_thread(server.keys, settings.face_api, settings.data_dir)
    async with AsyncExitStack() as stack:
        door = await asyncio.to_thread(stack.enter_context, doors.listening(server.place(settings.face_api)))
        if isinstance(recognizer, LocalRecognizer):
            embedding = await recognizer.embedding()
        else:
            lane = await stack.enter_async_context(Lane("embed-face-api"))
            embedding = LocalEmbedding(lane, await lane.run(settings.recognizer.local.embedder.load))
        parts = Parts(
            groups=storage.groups,
            detector=await stack.enter_async_context(settings.detector.open("detect-face-api")),
            embedding=embedding,
            points=(await stack.enter_async_context(open_points())).find,
            threshold=settings.recognizer.local.rules.threshold,
            keep_crops=settings.gallery.keep_crops,
        )
        yield FaceServer(settings.face_api, parts, keys, door)


async def serve_alone(
    settings: Settings, told: Callable[[FaceServer], None], end_within: Callable[[float, int], None]
) -> None:
    """Serve until SIGTERM or SIGINT; raises StuckError if a model hangs.

    `told` hears when clients are answered, `end_within` the seconds in which the process should end, and its exit code.
    """
    stop = asyncio.Event()
    with lifetime.signals(stop, asyncio.Event(), lambda: end_within(PATIENCE, 0)):
        async with AsyncExitStack() as stack:
            opened = await aio.until(stop, _opened(settings, stack))
            if opened is not None:
                server, archive = opened
                told(server)
                try:
                    await aio.until(stop, _kept(server, archive, settings.pipeline.patience))
                except* StuckError:
                    end_within(PATIENCE, 1)
                    raise
    log.info("stopped")


async def _opened(settings: Settings, stack: AsyncExitStack) -> tuple[FaceServer, Archive]:
    storage = await stack.enter_async_context(open_storage(settings.data_dir, mend=True))
    await stack.enter_async_context(sole_service(settings.data_dir))
    return await stack.enter_async_context(open_face_server(settings, storage)), storage.archive


async def _kept(server: FaceServer, archive: Archive, patience: float) -> None:
    """Serve, and end when a model hangs."""
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(), name="face api")
        group.create_task(_backed_up(archive), name="backups")
        group.create_task(lifetime.guard(patience), name="guard")


async def _backed_up(archive: Archive) -> None:
    """Keep an automatic backup of the groups, as the service does."""
    while True:
        try:
            await back_up(archive)
        except StorageError as error:
            log.warning("no automatic backup", problem=str(error))
        await asyncio.sleep(LOOK)
