"""What every detector does, for all kinds of them. A new kind gets settings in `KINDS` and is tested with the rest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import get_args

import numpy as np
import pytest

from tests.support import needs
from tests.support.portraits import EILEEN, GRACE, side_by_side
from tests.support.waiting import until
from uSense import imaging
from uSense.core.models import Rgb
from uSense.detectors import AnyDetector
from uSense.detectors.hog import HogSettings
from uSense.detectors.yunet import YunetSettings
from uSense.ports import Detector

KINDS: dict[str, Callable[[], AnyDetector]] = {
    "hog": HogSettings,
    "yunet": lambda: YunetSettings(path=needs.folder(needs.SHARED / "models") / "yunet_s_dynamic.onnx"),
}


@pytest.fixture(params=sorted(KINDS))
def settings(request: pytest.FixtureRequest) -> AnyDetector:
    """Working settings of each kind."""
    made = KINDS[request.param]()
    assert made.kind == request.param
    return made


@pytest.fixture
async def detector(settings: AnyDetector) -> AsyncIterator[Detector]:
    """An open detector of each kind."""
    async with settings.open() as detector:
        yield detector


def test_every_kind_is_tested() -> None:
    """The registry knows no kind that is missing here."""
    union, *_ = get_args(AnyDetector)

    assert {kind.model_fields["kind"].default for kind in get_args(union)} == set(KINDS)


async def test_a_face_is_found_where_it_is(detector: Detector) -> None:
    """In pixels of the whole picture, with a score from 0 to 1."""
    (face,) = await detector.detect(imaging.ArrayPicture(GRACE))
    height, width = GRACE.shape[:2]

    assert face.box.center == pytest.approx((width / 2, height / 2), abs=0.15 * width)
    assert 0.2 * height < face.box.height < 0.6 * height
    assert 0.0 < face.score <= 1.0
    assert face.landmarks is None or face.landmarks.shape == (5, 2)


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_boxes_grow_with_the_picture(detector: Detector, times: int) -> None:
    """However much the picture is shrunk before it is searched."""
    large = np.kron(GRACE, np.ones((times, times, 1), np.uint8))
    (face,) = await detector.detect(imaging.ArrayPicture(large))
    side = GRACE.shape[0] * times

    assert face.box.center == pytest.approx((side / 2, side / 2), abs=0.15 * side)


async def test_axes_are_not_swapped(detector: Detector) -> None:
    """The right one of two faces is on the right, in a picture that is wider than high."""
    faces = await detector.detect(imaging.ArrayPicture(side_by_side(np.full_like(GRACE, 128), GRACE)))

    assert len(faces) == 1
    assert faces[0].box.center[0] > GRACE.shape[1]
    assert faces[0].box.y1 < GRACE.shape[0]


async def test_the_largest_face_comes_first(detector: Detector) -> None:
    """Of two people the nearer one."""
    near, far = imaging.ArrayPicture(GRACE).rgb((400, 400)), np.full((400, 300, 3), 128, np.uint8)
    far[: EILEEN.shape[0], : EILEEN.shape[1]] = EILEEN
    faces = await detector.detect(imaging.ArrayPicture(side_by_side(far, near)))

    assert [face.box.center[0] > far.shape[1] for face in faces] == [True, False]
    assert faces[0].box.area > faces[1].box.area


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((480, 640, 3), np.uint8),
        np.full((480, 640, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8),
        np.zeros((16, 16, 3), np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((20, 3000, 3), np.uint8),
        np.zeros((3000, 2, 3), np.uint8),
    ],
    ids=["black", "white", "noise", "tiny", "one pixel", "very wide", "very high"],
)
async def test_a_picture_without_faces_has_none(detector: Detector, picture: Rgb) -> None:
    """Whatever its form."""
    assert await detector.detect(imaging.ArrayPicture(picture)) == []


async def test_searching_twice_finds_the_same(detector: Detector) -> None:
    """Nothing is kept from one picture to the next."""
    first = await detector.detect(imaging.ArrayPicture(GRACE))
    await detector.detect(imaging.ArrayPicture(EILEEN))
    again = await detector.detect(imaging.ArrayPicture(GRACE))

    assert [face.box for face in first] == [face.box for face in again]


async def test_the_picture_is_not_changed(detector: Detector) -> None:
    """Frames are shared with others."""
    before = GRACE.copy()
    await detector.detect(imaging.ArrayPicture(GRACE))

    assert np.array_equal(before, GRACE)


async def test_the_loop_runs_on_meanwhile(detector: Detector) -> None:
    """Conversions, too, happen in the detector's own thread."""
    threads: list[str] = []

    class Watched(imaging.ArrayPicture):
        def rgb(self, fit: tuple[int, int] | None = None) -> Rgb:
            threads.append(threading.current_thread().name)
            return super().rgb(fit)

        def gray(self, fit: tuple[int, int] | None = None) -> Rgb:
            threads.append(threading.current_thread().name)
            return super().gray(fit)

    await detector.detect(Watched(GRACE))

    assert threads
    assert threading.main_thread().name not in threads


async def test_a_cancelled_search_does_not_spoil_the_next(detector: Detector) -> None:
    """The search that nobody waits for ends before the next one begins."""
    abandoned = asyncio.create_task(detector.detect(imaging.ArrayPicture(EILEEN)), name="abandoned")
    await asyncio.sleep(0)
    abandoned.cancel()

    assert len(await detector.detect(imaging.ArrayPicture(GRACE))) == 1


async def test_each_worker_has_its_own(settings: AnyDetector) -> None:
    """Two detectors search at the same time and agree; their threads carry the workers' names and end with them."""
    async with settings.open("left") as left, settings.open("right") as right:
        found = await asyncio.gather(*(one.detect(imaging.ArrayPicture(GRACE)) for one in (left, right)))
        running = {thread.name for thread in threading.enumerate()}
        assert {"left", "right"} <= running

    assert found[0][0].box == found[1][0].box
    await until(lambda: not {"left", "right"} & {thread.name for thread in threading.enumerate()})


async def test_the_model_has_a_name(detector: Detector) -> None:
    """As shown in `usense/info`."""
    assert detector.model
