"""The image's picamera2 through uSense's own camera: libcamera's virtual one shows Grace Hopper, who is recognized.

`python -m tests.image.camera` in the image, with tests/pi's heap and virtual.yaml; exit code 1 if it is not so.
"""

from __future__ import annotations

import asyncio
import sys

import numpy as np

from tests.pi.virtual import Lab
from tests.support.portraits import GRACE
from uSense import imaging
from uSense.cameras.picamera import PicameraSettings
from uSense.core.models import Frame, Probe
from uSense.detectors.hog import HogSettings
from uSense.imaging import ArrayPicture
from uSense.recognizers.embedders.dlib import DlibSettings

CAMERA = PicameraSettings(camera="portrait", fps=15, read_timeout=60)
FRAMES = 10
SAME = 0.5
"""Farthest apart that vectors of one person are here."""


async def watch() -> list[Frame]:
    """Some frames, each newer than the last."""
    frames: list[Frame] = []
    async with CAMERA.open("hall", Lab().load) as camera:
        for _ in range(FRAMES):
            frames.append(await camera.read(frames[-1].stamp if frames else 0.0))
    return frames


async def faces(frame: Frame) -> list[Probe]:
    """The faces found in the small picture, cut from the large one."""
    async with HogSettings(min_face=40).open() as detector:
        return [imaging.probe(frame.picture, face) for face in await detector.detect(frame.picture)]


async def main() -> int:
    """Look, and tell."""
    frames = await watch()
    size = frames[-1].picture.size
    seen = await faces(frames[-1])
    embedder = DlibSettings().load()
    async with HogSettings().open() as detector:
        known = imaging.probe(ArrayPicture(GRACE), (await detector.detect(ArrayPicture(GRACE)))[0])
    apart = [float(np.linalg.norm(vector)) for vector in embedder.embed(seen) - embedder.embed([known])] if seen else []
    sys.stdout.write(
        f"{len(frames)} frames of {size[0]} x {size[1]}, faces {len(seen)}, "
        f"{', '.join(f'{distance:.2f}' for distance in apart)} from Grace Hopper\n"
    )
    return 0 if size == CAMERA.size and len(apart) == 1 and apart[0] < SAME else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
