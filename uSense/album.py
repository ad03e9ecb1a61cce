"""The kept photos of the people of the house: which there are, how good they are, and one of them to be shown."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from uSense import imaging, keepsake
from uSense.core.errors import BadImageError, NotFoundError
from uSense.core.models import Person, Quality
from uSense.ports import Snap, Vault

_MOST = 4_000
"""Faces whose quality is remembered; it costs a decryption to learn."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A kept face. `quality` is None if its crop is not kept, `added_at` (seconds since 1970) if nobody knows it."""

    face_id: str
    quality: Quality | None
    added_at: int | None


class Album:
    """Looks into the vault; a face never changes, so what is known of it once is known."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[str, Quality | None] = {}

    async def photos(self, person: Person) -> list[Photo]:
        """The faces of a person in the order they were added; NotFoundError if they are gone."""
        snaps = await self._vault.snaps(person.person_id)
        return [Photo(snap.face_id, await self._quality(person.person_id, snap), snap.added_at) for snap in snaps]

    async def jpeg(self, person_id: str, face_id: str) -> bytes:
        """A kept face as a JPEG file; NotFoundError if its crop is not kept, or cannot be read any more."""
        crop = await self._vault.crop(person_id, face_id)
        try:
            return await asyncio.to_thread(_drawn, crop)
        except BadImageError as error:
            raise NotFoundError("crop of the face", face_id) from error

    async def _quality(self, person_id: str, snap: Snap) -> Quality | None:
        if not snap.pictured:
            return None
        if snap.face_id not in self._known:
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            found = None
            with suppress(NotFoundError, BadImageError):
                found = keepsake.quality(await self._vault.crop(person_id, snap.face_id))
            self._known[snap.face_id] = found
        return self._known[snap.face_id]


def best(photos: list[Photo], odd: Collection[str] = ()) -> Photo | None:
    """The photo to show of somebody; None if no crop is kept. Faces that are `odd` may be somebody else's."""
    shown = [one for one in photos if one.quality]
    return max(shown, key=lambda one: (one.face_id not in odd, _value(one)), default=None)


def _value(photo: Photo) -> float:
    return photo.quality.value if photo.quality else 0.0


def _drawn(crop: bytes) -> bytes:
    return imaging.encode_jpeg(keepsake.unpack(crop).crop)
