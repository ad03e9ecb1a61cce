"""The served contract without models: every picture has one face, which is known by its color."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from uSense import keepsake
from uSense.core.errors import BadImageError
from uSense.core.matching import Metric, Rows
from uSense.core.models import Box, Face, Picture, Probe
from uSense.faceapi.gateway import application
from uSense.faceapi.seams import Parts
from uSense.faceapi.service import Service, open_service
from uSense.faceapi.settings import FaceApiSettings
from uSense.ports import Groups

KEY = "0123456789abcdef0123456789abcdef"
THRESHOLD = 0.5
RED, GREEN, BLUE = (200, 20, 20), (20, 200, 20), (20, 20, 200)


def colored(color: tuple[int, int, int]) -> bytes:
    """A picture of somebody of this color."""
    data = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 8, (64, 64, 3)) + np.array(color)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(data, "PNG")
    return data.getvalue()


class OneFace:
    """Finds a face in the middle of every picture."""

    model = "one"

    async def detect(self, picture: Picture) -> list[Face]:
        width, height = picture.size
        return [Face(Box(width / 4, height / 4, width * 3 / 4, height * 3 / 4), 1.0)]


class Colors:
    """The mean color as a vector."""

    metric = Metric.EUCLIDEAN

    def __init__(self, model: str = "colors") -> None:
        self.model = model

    async def embed(self, probes: Sequence[Probe]) -> list[Rows]:
        return [(await self.enroll(probe))[:1] for probe in probes]

    async def enroll(self, probe: Probe) -> Rows:
        return np.asarray(probe.crop.mean(axis=(0, 1))[None] / 255, np.float32)

    async def pack(self, probe: Probe) -> bytes:
        return await asyncio.to_thread(keepsake.pack, probe)

    async def unpack(self, crop: bytes) -> Probe:
        return await asyncio.to_thread(keepsake.unpack, crop)


async def no_points(_: Probe) -> Any:
    """There is no predictor."""
    raise BadImageError("the picture", "there are no points")


class Held:
    """Groups whose templates are given out only when the test says so."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self.free = asyncio.Event()
        self.asked = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._groups, name)

    async def templates(self, *arguments: Any) -> Any:
        self.asked.set()
        await self.free.wait()
        return await self._groups.templates(*arguments)


@asynccontextmanager
async def client(
    groups: Any, settings: FaceApiSettings | None = None, *, model: str = "colors", keep_crops: bool = True
) -> AsyncIterator[tuple[TestClient[Any, Any], Service]]:
    """A client with the key of a server over these groups, and the server's state."""
    parts = Parts(
        groups=groups,
        detector=OneFace(),
        embedding=Colors(model),
        points=no_points,
        threshold=THRESHOLD,
        keep_crops=keep_crops,
    )
    async with open_service(settings or FaceApiSettings(), parts) as service:
        app = application(service, [KEY.encode()])
        headers = {"Ocp-Apim-Subscription-Key": KEY}
        async with TestClient(TestServer(app), headers=headers) as opened:
            yield opened, service
