"""Telling sightings: each in its turn with the face it is about, and once more, live, at the moment of decision."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from uSense import imaging
from uSense.core.events import Portrait, Sighting
from uSense.entities import LIVE, QUEUED, Context, Message
from uSense.entities.payload import remaining
from uSense.mqtt.link import Link

log = structlog.get_logger()

LIVE_WITHIN = 1.0
"""Seconds after a decision in which it may still be told live."""
WAITING = 16
"""Faces that may wait for their sighting's turn; further ones are refused."""

Publish: TypeAlias = Callable[[Link, Message], Awaitable[object]]


class Sightings:
    """Publishes what there is to say about sightings; `snapshots` says whether their faces are shown, too."""

    def __init__(self, context: Context, publish: Publish, *, snapshots: bool) -> None:
        self._context = context
        self._publish = publish
        self._snapshots = snapshots
        self._counts: Counter[str] = Counter()
        self._faces: dict[int, Portrait] = {}

    def counters(self) -> dict[str, int]:
        """What was not told."""
        return {name: self._counts[name] for name in ("live_skipped", "late", "snapshots_skipped")}

    def keep(self, face: Portrait, *, connected: bool) -> None:
        """Keep the face for the sighting that follows; without a connection it would come too late for anybody."""
        if self._snapshots and connected and len(self._faces) < WAITING:
            self._faces[face.seq] = face
        elif self._snapshots:
            self._counts["snapshots_skipped"] += 1

    def connection_lost(self) -> None:
        """Nobody waits for the faces any more."""
        self._counts["snapshots_skipped"] += len(self._faces)
        self._faces.clear()

    async def tell(self, link: Link, sighting: Sighting) -> None:
        """What may come late, after the face, so that who hears the identity can already look at it."""
        for seq in [seq for seq in self._faces if seq <= sighting.seq]:
            face = self._faces.pop(seq)
            if seq == sighting.seq:
                jpeg = await asyncio.to_thread(imaging.encode_jpeg, face.probe.crop)
                await self._publish(link, Message(self._context.topics.of(f"camera/{face.camera}/snapshot"), jpeg, 0))
        for entity in QUEUED:
            for message in entity(sighting, self._context, time.monotonic()):
                await self._publish(link, message)

    async def tell_live(
        self, link: Link, sighting: Sighting, *, put_at: float, online_since: float, within: float
    ) -> None:
        """What may not come late: `put_at` is the decision, and the picture it was made by at most `within` old."""
        if not self._is_live(sighting, put_at, online_since) or self._is_late(sighting, within):
            self._counts["live_skipped"] += 1
            return
        for entity in LIVE:
            for message in entity(sighting, self._context, time.monotonic()):
                await self._publish(link, message)

    def _is_live(self, sighting: Sighting, put_at: float, online_since: float) -> bool:
        """Whether this is still the moment of decision, of one made while connected."""
        now = time.monotonic()
        left = remaining(sighting, self._context, now)
        return put_at >= online_since and now - put_at <= LIVE_WITHIN and (left is None or left > 0)

    def _is_late(self, sighting: Sighting, within: float) -> bool:
        """Whether the deciding picture is older than a name told live may be."""
        age = time.monotonic() - sighting.stamp
        if age <= within:
            return False
        self._counts["late"] += 1
        log.warning("too late to be told live", event_id=sighting.event_id, age_s=round(age, 1))
        return True
