"""The seam to what is kept of unknown people, and of faces that are not somebody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from uSense.core.models import Embedding
from uSense.core.rejections import Rejection
from uSense.core.visitors import Visitor


@dataclass(frozen=True, slots=True)
class KeptFace:
    """A face of a visitor on its way to the disk; without a `crop` it cannot be enrolled."""

    embedding: Embedding
    quality: float
    crop: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keep:
    """A visitor as they are now, the faces that are new by their numbers, and numbers of those that left."""

    visitor: Visitor
    new: Mapping[int, KeptFace]
    left: frozenset[int]


class Visitors(Protocol):
    """Visitors with a key each, and rejections sealed with the key of their person. Raises StorageError."""

    async def load(self) -> list[Visitor]:
        """All of them; what cannot be decrypted any more is erased."""

    async def keep(self, kept: Sequence[Keep], left: Sequence[str]) -> None:
        """Write all of these at once, and drop the visitors who `left`; what those leave is erased later."""

    async def erase(self, visitor_ids: Sequence[str]) -> None:
        """Destroy their keys and all traces, also those of who left before."""

    async def crops(self, visitor_id: str) -> dict[int, bytes]:
        """Their faces as they were kept, by number, the best first."""

    async def rejections(self) -> list[Rejection]:
        """All rejections, oldest first."""

    async def reject(self, rejection: Rejection) -> None:
        """Keep one; the oldest of too many leaves. NotFoundError if the person is gone."""

    async def unreject(self, *rejection_ids: str) -> None:
        """Drop all of these at once."""
