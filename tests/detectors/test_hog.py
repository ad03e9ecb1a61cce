"""dlib's HOG detector: what `min_face` does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.portraits import GRACE
from uSense import imaging
from uSense.core.models import Rgb, Size
from uSense.detectors.hog import HogSettings


def scene(height: int, size: Size = (640, 480)) -> Rgb:
    """A gray picture with one face about `height` pixels high in the middle."""
    side = round(height * 2.8)
    portrait = imaging.ArrayPicture(GRACE).rgb((side, side))
    picture = np.full((size[1], size[0], 3), 128, np.uint8)
    top, left = (size[1] - portrait.shape[0]) // 2, (size[0] - portrait.shape[1]) // 2
    picture[top : top + portrait.shape[0], left : left + portrait.shape[1]] = portrait
    return picture


@pytest.mark.parametrize(
    ("min_face", "height", "found"),
    [(80, 100, 1), (80, 44, 0), (54, 70, 1), (54, 30, 0), (40, 55, 1), (40, 22, 0), (120, 150, 1), (120, 66, 0)],
)
async def test_min_face_is_the_smallest_face_found(min_face: int, height: int, found: int) -> None:
    """Smaller ones need a larger search, which costs time."""
    async with HogSettings(min_face=min_face).open() as detector:
        assert len(await detector.detect(imaging.ArrayPicture(scene(height)))) == found


@pytest.mark.parametrize("min_face", [40, 54, 80, 120])
async def test_the_box_is_the_same_however_the_picture_is_scaled(min_face: int) -> None:
    """In pixels of the whole picture, also of one that is larger than what is searched."""
    async with HogSettings(min_face=min_face).open() as detector:
        (face,) = await detector.detect(imaging.ArrayPicture(scene(210, (1280, 960))))

    assert face.box.center == pytest.approx((640, 480), abs=60)
    assert face.box.width == pytest.approx(190, rel=0.2)
    assert face.box.width == pytest.approx(face.box.height, rel=0.05)
    assert face.landmarks is None
    assert 0.5 < face.score <= 1.0
