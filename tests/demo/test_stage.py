from __future__ import annotations

from collections.abc import AsyncGenerator

import aiohttp
import numpy as np
import pytest

from uSense import imaging
from uSense.core.models import Rgb
from uSense.demo import stage
from uSense.demo.scene import Scene


async def _pictures(url: str) -> AsyncGenerator[Rgb, None]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        async for part in aiohttp.MultipartReader.from_response(response):
            assert isinstance(part, aiohttp.BodyPartReader)
            assert part.headers["Content-Type"] == "image/jpeg"
            yield imaging.decode(bytes(await part.read()), "stream")


async def test_stream() -> None:
    """Every viewer gets a stream of JPEG pictures of the room, which goes on when another one leaves."""
    async with stage.serving() as served:
        first, second = _pictures(served.url), _pictures(served.url)
        assert (await anext(first)).shape == (480, 640, 3)
        await anext(second)
        await second.aclose()
        assert (await anext(first)).shape == (480, 640, 3)
        await first.aclose()


async def test_begin() -> None:
    """The room stays empty until the scene begins; then somebody comes."""
    async with stage.serving() as served:
        stream = _pictures(served.url)
        empty = (await anext(stream)).astype(int)
        assert abs(await anext(stream) - empty).mean() < 10
        served.begin()
        async for picture in stream:
            if np.abs(picture - empty).mean() > 20:
                break
        await stream.aclose()


def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is slow, people may be, too."""
    moments: list[float] = []

    def render(_: Scene, t: float) -> Rgb:
        moments.append(t)
        return np.zeros((480, 640, 3), np.uint8)

    monkeypatch.setattr(Scene, "render", render)
    for pace in (1.0, 0.25):
        served = stage.Stage(Scene.__new__(Scene), "", pace)
        served._began = 100.0
        served._jpeg(108.0)

    assert moments == [8.0, 2.0]


async def test_closes_with_viewers() -> None:
    """The server ends although somebody still looks."""
    async with stage.serving() as served:
        stream = _pictures(served.url)
        await anext(stream)
    await stream.aclose()
