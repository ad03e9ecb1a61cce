"""YuNet: both forms of the weights, its decoding, and what is said of wrong files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.support.nets import net
from tests.support.portraits import EILEEN, GRACE, side_by_side
from uSense import imaging
from uSense.core.errors import DetectorError
from uSense.core.models import Face, Rgb
from uSense.detectors.yunet import YunetSettings

FILES = ("yunet_s_dynamic.onnx", "face_detection_yunet_2023mar.onnx")
PAIR = side_by_side(EILEEN, imaging.ArrayPicture(GRACE).rgb((246, 246)))


async def found(picture: Rgb, settings: YunetSettings) -> list[Face]:
    """All faces by a detector of its own."""
    async with settings.open() as detector:
        return await detector.detect(imaging.ArrayPicture(picture))


@pytest.mark.parametrize("file", FILES)
async def test_both_forms_of_the_weights_find_both_people(models: Path, file: str) -> None:
    """With free and with fixed input size; landmarks lie where the parts of a face are."""
    faces = await found(PAIR, YunetSettings(path=models / file))

    assert len(faces) == 2
    for face in faces:
        assert face.landmarks is not None
        right, left, nose, *mouth = face.landmarks.tolist()
        assert right[0] < nose[0] < left[0]
        assert max(right[1], left[1]) < nose[1] < min(corner[1] for corner in mouth)
        assert face.box.x0 < right[0] < left[0] < face.box.x1
        assert 0.6 <= face.score <= 1.0


async def test_both_forms_agree(models: Path) -> None:
    """The same faces within a pixel or two."""
    free, fixed = [await found(PAIR, YunetSettings(path=models / file)) for file in FILES]

    for one, other in zip(free, fixed, strict=True):
        assert one.box.center == pytest.approx(other.box.center, abs=3)
        assert one.box.height == pytest.approx(other.box.height, rel=0.05)


async def test_small_faces_are_left_out(models: Path) -> None:
    """`min_face` counts in the fitted picture and gives a tenth."""
    picture = imaging.ArrayPicture(GRACE).rgb((300, 300))
    (face,) = await found(picture, YunetSettings(path=models / FILES[0]))
    height = face.box.height

    assert len(await found(picture, YunetSettings(path=models / FILES[0], min_face=round(height * 1.05)))) == 1
    assert await found(picture, YunetSettings(path=models / FILES[0], min_face=round(height * 1.3))) == []
    assert await found(picture, YunetSettings(path=models / FILES[0], fit=(80, 80))) == []


async def test_the_score_is_a_setting(models: Path) -> None:
    """What is less certain is no face."""
    assert await found(GRACE, YunetSettings(path=models / FILES[0], score=0.99)) == []


async def test_pictures_of_changing_size_do_not_disturb_each_other(models: Path) -> None:
    """The input buffer is used again; nothing of an earlier picture stays in it."""
    async with YunetSettings(path=models / FILES[0]).open() as detector:
        fresh = await detector.detect(imaging.ArrayPicture(GRACE))
        for picture in (PAIR, np.full((61, 33, 3), 9, np.uint8), np.full((640, 640, 3), 255, np.uint8)):
            await detector.detect(imaging.ArrayPicture(picture))
        again = await detector.detect(imaging.ArrayPicture(GRACE))

    assert [face.box for face in again] == [face.box for face in fresh]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "detector yunet: cannot read the model"),
        (b"<html>", "is no ONNX model"),
        (net((1, 3, None, None)), "but not YuNet: set detector.path"),
    ],
)
async def test_wrong_weights_are_refused(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    """The error names the file and says what to do."""
    path = tmp_path / "weights.onnx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DetectorError, match=rf"(?s)weights\.onnx.*|{sentence}") as caught:
        await found(GRACE, YunetSettings(path=path))
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"score": 1.0}, {"min_face": 0}, {"threads": 0}, {"paht": "x"}, {"fit": (0, 0)}, {"fit": (640, 39)}]
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    """So are misspelt ones."""
    with pytest.raises(ValidationError):
        YunetSettings.model_validate({"path": "x"} | wrong)


async def test_a_net_without_weights_says_where_they_are() -> None:
    """The command that fetches them."""
    with pytest.raises(DetectorError, match="usense models fetch yunet"):
        await found(GRACE, YunetSettings())


@pytest.mark.parametrize("file", ["dlib_groups/2008_002506.jpg", "ultralight/12.jpg"])
async def test_groups_are_found(models: Path, faces: Path, file: str) -> None:
    """Every face once, largest first."""
    photo = await asyncio.to_thread(imaging.read, faces / file)
    people = await found(photo, YunetSettings(path=models / FILES[0]))
    sizes = [face.box.area for face in people]

    assert len(people) >= 3
    assert sizes == sorted(sizes, reverse=True)
    for index, face in enumerate(people):
        assert not any(abs(face.box.center[0] - other.box.center[0]) < 10 for other in people[index + 1 :])
