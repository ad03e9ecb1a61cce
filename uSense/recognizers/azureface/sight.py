"""Crops and pictures as Azure sees them: faces found there, and whom they resemble."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uSense import imaging
from uSense.core.errors import BadImageError, RecognizerError
from uSense.core.judging import DecisionRules
from uSense.core.models import Box, Face, Picture, Probe, Size
from uSense.ports import Detector
from uSense.recognizers.azureface.account import RemoteCandidate, RemoteFace
from uSense.recognizers.azureface.errors import PictureError

if TYPE_CHECKING:
    from uSense.recognizers.azureface.client import AzureFace

MOST_AT_ONCE = 10
"""Faces of one identification; Azure takes no more."""
LARGEST: Size = (1920, 1080)
"""Pixels of a whole picture as it is sent: in larger ones Azure's smallest face grows, too."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A face that Azure found in a crop: its id there for a while, the crop as JPEG, and where in it the face is."""

    face_id: str
    jpeg: bytes = field(repr=False, default=b"")
    target: Box | None = None


class Sight:
    """Asks Azure about faces; `rules` are those of its scores."""

    def __init__(self, azure: AzureFace, rules: DecisionRules) -> None:
        self.rules = rules
        self._azure = azure

    async def one(self, probe: Probe) -> Seen:
        """The face of a picture to be kept, in the background; BadImageError if Azure finds none."""
        seen = await self._seen(probe, urgent=False)
        if seen is None:
            reason = "Azure finds no face in it; use a picture with a clear frontal face"
            raise BadImageError("the picture", reason, code="no_face")
        return seen

    async def all(self, probes: Sequence[Probe]) -> list[Seen | None]:
        """The face of each probe that somebody waits for, None where Azure finds none; all are asked about at once."""
        failed: RecognizerError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._seen(probe, urgent=True), name="azure detect") for probe in probes]
        except* RecognizerError as errors:
            failed = _first(errors)
        if failed is not None:
            raise failed
        return [task.result() for task in tasks]

    async def candidates(self, faces: Sequence[Seen], *, urgent: bool) -> list[list[RemoteCandidate]]:
        """Whom each face resembles, best first."""
        found: list[list[RemoteCandidate]] = []
        for first in range(0, len(faces), MOST_AT_ONCE):
            some = faces[first : first + MOST_AT_ONCE]
            found += await self._azure.identify([face.face_id for face in some], urgent=urgent)
        return found

    async def _seen(self, probe: Probe, *, urgent: bool) -> Seen | None:
        if probe.ref:
            return Seen(probe.ref)
        jpeg = await asyncio.to_thread(imaging.encode_jpeg, probe.crop)
        try:
            faces = await self._azure.detect(jpeg, urgent=urgent)
        except PictureError:
            return None
        nearest = max(faces, key=lambda face: _shared(box_of(face), probe.box), default=None)
        if nearest is None or not _shared(box_of(nearest), probe.box):
            return None
        return Seen(nearest.face_id, jpeg, box_of(nearest))


class AzureDetector:
    """Finds faces in whole pictures at Azure; the local detector stands in while that does not answer."""

    def __init__(self, azure: AzureFace, local: Detector, model: str) -> None:
        self.model = model
        self._azure = azure
        self._local = local

    async def detect(self, picture: Picture) -> list[Face]:
        rgb = await asyncio.to_thread(picture.rgb, LARGEST)
        jpeg = await asyncio.to_thread(imaging.encode_jpeg, rgb)
        try:
            found = await self._azure.detect(jpeg, urgent=True)
        except RecognizerError:
            return await self._local.detect(picture)
        factor = picture.size[0] / rgb.shape[1]
        faces = [Face(box_of(face).scaled(factor), 1.0, ref=face.face_id) for face in found]
        return sorted(faces, key=lambda face: -face.box.area)


def box_of(face: RemoteFace) -> Box:
    """Where the face is, in pixels of the picture that was sent."""
    return Box(face.left, face.top, face.left + face.width, face.top + face.height)


def _shared(a: Box, b: Box) -> float:
    """Area that both have."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(0.0, width) * max(0.0, height)


def _first(errors: ExceptionGroup[RecognizerError]) -> RecognizerError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error
