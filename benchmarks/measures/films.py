"""What the cameras of the measurements show: the demo's scene as video files, as a network camera would send it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from uSense.core.models import Rgb
from uSense.demo.scene import NOISE, Scene

FPS = 10
SECONDS = 18
BOTH = 19.0
"""Second of the scene at which both people would be in the picture."""
ALONE = 4.0
"""Second at which only the enrolled one is."""
HERE, AWAY = 8, 5
"""Frames that people stay in the picture and out of it, in the busy film."""
WIDE = (1280, 720)
"""What many network cameras send."""
_MIDDLE = (0, 60, 640, 420)
"""The part of the scene that fits into a wide picture."""
_CODEC = {"preset": "fast", "bf": "0", "g": "20"}
"""As cameras encode: no frames that need later ones, a whole picture every two seconds."""
_BITS_A_PIXEL = 0.3


def moving(scene: Scene) -> Iterator[Rgb]:
    """The demo's story, once: empty room, one person, another one, both."""
    for number in range(SECONDS * FPS):
        yield scene.render(number / FPS)


def wide(scene: Scene) -> Iterator[Rgb]:
    """The same for a camera with a wider and larger picture."""
    for picture in moving(scene):
        yield np.asarray(Image.fromarray(picture).resize(WIDE, Image.Resampling.BICUBIC, _MIDDLE))


def still(scene: Scene, *, person: bool) -> Iterator[Rgb]:
    """Nothing moves but the sensor's noise; the room is empty or somebody stands there like a photo."""
    generator = np.random.default_rng(2)
    picture = scene.render(ALONE if person else -1.0).astype(np.float32)
    for _ in range(SECONDS * FPS):
        yield np.asarray((picture + generator.normal(0.0, NOISE, picture.shape)).clip(0, 255), np.uint8)


def busy(scene: Scene) -> Iterator[Rgb]:
    """Two people appear and disappear together, over and over."""
    for number in range(SECONDS * FPS):
        here = number % (HERE + AWAY) < HERE
        yield scene.render(BOTH + number / FPS / SECONDS if here else -1.0 - number)


def write(path: Path, pictures: Iterator[Rgb]) -> None:
    """Encode the pictures into a video file."""
    first = next(pictures)
    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=FPS, options=_CODEC)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = round(_BITS_A_PIXEL * FPS * stream.height * stream.width)
        for picture in chain((first,), pictures):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        film.mux(stream.encode())
