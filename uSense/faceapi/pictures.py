"""Pictures of requests: read with a cap, decoded and searched in threads, never more than a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import numpy as np

from uSense import imaging
from uSense.aio import Lane
from uSense.core.errors import BadImageError
from uSense.core.faceapi import faults
from uSense.core.faceapi.landmarks import Points
from uSense.core.models import Box, Face, Probe, Rgb, Size
from uSense.ports import Detector

LEAST_BYTES, MOST_BYTES = 1024, 6 * 1024 * 1024
MOST_FACES = 100
AT_ONCE = 6
"""Pictures that are read or worked on at once; further requests wait, unread."""
FETCH = 10.0
"""Seconds that a picture named by its address may take."""

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
_SOURCE = "the picture"


@dataclass(frozen=True, slots=True)
class Seen:
    """A face in a picture: cut out, its `box` in the picture as it was sent, and that in whole pixels inside of it."""

    probe: Probe
    box: Box
    left: int
    top: int
    width: int
    height: int

    @property
    def center(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    def placed(self, points: Points) -> Points:
        """Points of the crop in pixels of the picture."""
        crop = self.probe.box
        scale = self.box.width / max(crop.width, 1e-6), self.box.height / max(crop.height, 1e-6)
        return np.asarray((points - (crop.x0, crop.y0)) * scale + (self.box.x0, self.box.y0), np.float32)


@dataclass(frozen=True, slots=True)
class Searched:
    """A picture's size and its faces, largest first."""

    size: Size
    faces: list[Seen]


class Pictures:
    """Decodes and searches; one picture is decoded at a time."""

    def __init__(self, lane: Lane, detector: Detector) -> None:
        self._lane = lane
        self._detector = detector
        self._room = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Wait until a further picture may be read, and keep its place until all is done with it."""
        async with self._room:
            yield

    async def search(self, data: bytes) -> Searched:
        """The faces in an encoded picture; raises Fault for what is no picture."""
        picture, size = await self._lane.run(_decoded, data)
        whole = imaging.ArrayPicture(picture)
        faces = await self._detector.detect(whole)
        factor = size[0] / whole.size[0], size[1] / whole.size[1]
        seen = [await self._lane.run(_cut, whole, face, size, factor) for face in faces[:MOST_FACES]]
        return Searched(size, sorted(seen, key=lambda one: -one.width * one.height))


def chosen(searched: Searched, target: Box | None) -> Probe:
    """The one face of a picture, or in the target; raises Fault if there is none or are several."""
    faces = searched.faces
    if target is not None:
        faces = [face for face in faces if _inside(face, target)]
    if not faces:
        raise faults.no_face()
    if len(faces) > 1:
        raise faults.many_faces()
    return faces[0].probe


async def fetch(address: str) -> bytes:
    """The picture at an address; raises Fault."""
    if not address.lower().startswith(("http://", "https://")):
        raise faults.bad_url()
    try:
        async with (
            asyncio.timeout(FETCH),
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.get(address, max_redirects=3) as reply,
        ):
            if not reply.ok:
                raise faults.bad_url(f"It answered {reply.status}.")
            data = bytearray()
            async for part in reply.content.iter_chunked(65_536):
                data += part
                if len(data) > MOST_BYTES:
                    raise faults.picture_size("big")
            return bytes(data)
    except TimeoutError as error:
        raise faults.bad_url("It did not answer in time.") from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise faults.bad_url("It could not be downloaded.") from error


def _decoded(data: bytes) -> tuple[Rgb, Size]:
    if len(data) < LEAST_BYTES:
        raise faults.picture_size("small")
    if len(data) > MOST_BYTES:
        raise faults.picture_size("big")
    if not data.startswith(_BEGINNINGS):
        raise faults.undecodable()
    try:
        return imaging.decode_measured(data, _SOURCE)
    except BadImageError as error:
        sizes = {"too_small": faults.picture_size("small"), "too_many_pixels": faults.picture_size("big")}
        raise sizes.get(error.code, faults.undecodable()) from error


def _cut(whole: imaging.ArrayPicture, face: Face, size: Size, factor: tuple[float, float]) -> Seen:
    found, (fx, fy) = face.box, factor
    box = Box(found.x0 * fx, found.y0 * fy, found.x1 * fx, found.y1 * fy)
    left, right = (min(max(0, round(x)), size[0]) for x in (box.x0, box.x1))
    top, bottom = (min(max(0, round(y)), size[1]) for y in (box.y0, box.y1))
    left, top = min(left, size[0] - 1), min(top, size[1] - 1)
    return Seen(imaging.probe(whole, face), box, left, top, max(1, right - left), max(1, bottom - top))


def _inside(face: Seen, target: Box) -> bool:
    x, y = face.center
    return target.x0 <= x <= target.x1 and target.y0 <= y <= target.y1
