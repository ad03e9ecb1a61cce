"""One call for many: faces that are to be identified while a call waits for its turn are identified by it, too.

So nobody waits for a batch to fill when there is time, and batches are full when there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from uSense.recognizers.azureface.account import RemoteCandidate
from uSense.recognizers.azureface.errors import AzureFaceError, FaceMissingError

BATCH = 10
"""Faces that one call identifies."""

Answers: TypeAlias = list[list[RemoteCandidate]]


@dataclass(slots=True, eq=False)
class Batch:
    """Faces of one call, and what came of it; whoever began it makes the call, the others wait for it."""

    face_ids: list[str]
    urgent: bool
    answers: dict[str, list[RemoteCandidate]] | None = None
    error: AzureFaceError | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Gathering:
    """Keeps the batches that wait for their turn: one a kind of call, at most `BATCH` faces each.

    `send` makes the call for a batch, and calls `close` on it when it is about to be sent.
    """

    def __init__(self, send: Callable[[Batch], Awaitable[Answers]]) -> None:
        self._send = send
        self._open: dict[bool, Batch] = {}

    async def ask(self, face_ids: Sequence[str], *, urgent: bool) -> Answers:
        """Candidates of at most `BATCH` faces, in order. A face that is too old spoils only its own asker's call."""
        while True:
            batch = self._open.get(urgent)
            if batch is None or len(set(batch.face_ids).union(face_ids)) > BATCH:
                batch = self._open[urgent] = Batch(list(face_ids), urgent)
                try:
                    return await self._lead(batch, face_ids)
                except FaceMissingError:
                    if set(batch.face_ids) == set(face_ids):
                        raise
            else:
                batch.face_ids += [face_id for face_id in face_ids if face_id not in batch.face_ids]
                await batch.ended.wait()
                if batch.answers is not None:
                    return [batch.answers[face_id] for face_id in face_ids]
                if batch.error is None:
                    continue  # who began it gave up
                if not isinstance(batch.error, FaceMissingError):
                    raise batch.error
            return await self._send(Batch(list(face_ids), urgent))

    def close(self, batch: Batch) -> None:
        """Nobody joins it any more."""
        if self._open.get(batch.urgent) is batch:
            del self._open[batch.urgent]

    async def _lead(self, batch: Batch, face_ids: Sequence[str]) -> Answers:
        try:
            found = await self._send(batch)
            batch.answers = dict(zip(batch.face_ids, found, strict=True))
            return [batch.answers[face_id] for face_id in face_ids]
        except AzureFaceError as error:
            batch.error = error
            raise
        finally:
            self.close(batch)
            batch.ended.set()
