"""What is known of unknown people, on its way to the disk and back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice

from uSense import keepsake
from uSense.core.errors import BadImageError
from uSense.core.models import Probe
from uSense.core.visitors import Commit, Visitor
from uSense.ports import Keep, KeptFace


def packed(commits: Sequence[Commit]) -> list[Keep]:
    """What is to be written, the crops of new faces encoded; blocks."""
    merged: dict[str, tuple[Visitor, set[int], set[int]]] = {}
    for commit in commits:
        _, new, left = merged.setdefault(commit.visitor.visitor_id, (commit.visitor, set(), set()))
        new |= commit.new
        left |= commit.left
    return [Keep(visitor, _faces(visitor, new), frozenset(left)) for visitor, new, left in merged.values()]


async def unpacked(crops: Mapping[int, bytes], most: int | None = None) -> dict[int, Probe]:
    """The faces of the first `most` crops that can be read, by number."""
    found: dict[int, Probe] = {}
    for number, crop in islice(crops.items(), most):
        with suppress(BadImageError):
            found[number] = await asyncio.to_thread(keepsake.unpack, crop)
    return found


def _faces(visitor: Visitor, numbers: set[int]) -> Mapping[int, KeptFace]:
    glimpses = {number: glimpse for number in numbers if (glimpse := visitor.faces.get(number))}
    return {
        number: KeptFace(
            glimpse.embedding, glimpse.quality, None if glimpse.probe is None else keepsake.pack(glimpse.probe)
        )
        for number, glimpse in glimpses.items()
    }
