"""What uSense computes of the demo's portraits on this machine: `python -m tests.image.figures [YUNET'S WEIGHTS]`.

Writes JSON. Run in images for different processors, whose results tests/image/alike.py compares.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from tests.support.portraits import EILEEN, GRACE, pose, side_by_side
from uSense import imaging
from uSense.core.models import Face, Rgb
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.imaging import ArrayPicture
from uSense.recognizers.embedders.dlib import DlibSettings

Found = Sequence[Sequence[Face]]
"""The faces of each picture."""


def pictures() -> list[Rgb]:
    """Both people alone, and together."""
    return [pose(GRACE, 0), pose(EILEEN, 1), pose(GRACE, 5), side_by_side(pose(GRACE, 2), pose(EILEEN, 3))]


async def search(settings: HogSettings | YunetSettings, among: Sequence[Rgb]) -> Found:
    """What a detector finds."""
    async with settings.open() as detector:
        return [await detector.detect(ArrayPicture(picture)) for picture in among]


def figures(weights: Path | None) -> dict[str, object]:
    """The pictures' hash, boxes with scores of each detector, and the vectors of all of HOG's faces."""
    among = pictures()
    hog = asyncio.run(search(HogSettings(), among))
    probes = [
        imaging.probe(ArrayPicture(picture), face)
        for picture, faces in zip(among, hog, strict=True)
        for face in faces
    ]  # fmt: skip
    embedder = DlibSettings().load()
    made: dict[str, object] = {
        "pictures": hashlib.sha256(b"".join(picture.tobytes() for picture in among)).hexdigest(),
        "HOG's boxes": boxes(hog),
        "vectors": embedder.embed(probes).tolist(),
        "vectors for enrolling": embedder.enroll(probes[0]).tolist(),
    }
    if weights:
        made["YuNet's boxes"] = boxes(asyncio.run(search(YunetSettings(path=weights), among)))
    return made


def boxes(found: Found) -> list[list[float]]:
    """Edges in pixels and score of every face, a row each."""
    return [[*astuple(face.box), face.score] for faces in found for face in faces]


if __name__ == "__main__":
    json.dump(figures(Path(sys.argv[1]) if sys.argv[1:] else None), sys.stdout)
