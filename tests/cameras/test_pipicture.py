"""picamera2's arrays become pictures in the right colors, whatever the format."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.peers.picamera import Machine
from tests.support.films import bars, number_of, shows_bars
from uSense.cameras.avpicture import AvPicture
from uSense.cameras.pipicture import PIXELS, Layout
from uSense.core.models import Rgb, Size

LARGE, SMALL = (320, 240), (160, 120)


def configuration(kind: str, size: Size = LARGE, matrix: str = "Rec709") -> dict[str, Any]:
    """What `camera_configuration` says."""
    space = SimpleNamespace(ycbcrEncoding=SimpleNamespace(name=matrix), range=SimpleNamespace(name="Limited"))
    return {"main": {"format": kind, "size": size, "stride": 0}, "colour_space": space}


def shown(kind: str, rgb: Rgb, *, padding: int = 0, matrix: str = "Rec709") -> AvPicture:
    """A picture on its way through the camera's memory."""
    machine = Machine(padding=padding, rec709=matrix == "Rec709")
    size = (rgb.shape[1], rgb.shape[0])
    return AvPicture(Layout.read(configuration(kind, size, matrix), "main").frame(machine.array(rgb, kind)))


@pytest.mark.parametrize("padding", [0, 32])
@pytest.mark.parametrize("kind", PIXELS)
def test_colors_are_right(kind: str, padding: int) -> None:
    """Red stays red and blue stays blue in every format, with and without padding of the rows."""
    picture = shown(kind, bars(5), padding=padding)
    assert picture.size == LARGE
    assert shows_bars(picture.rgb())
    assert number_of(picture.gray()) == 5


@pytest.mark.parametrize("size", [(322, 242), (64, 482), (1280, 722)])
@pytest.mark.parametrize("kind", ["YUV420", "YVU420", "NV12", "NV21", "YUYV", "RGB888"])
def test_any_even_size_is_right(kind: str, size: Size) -> None:
    """Sizes that are no multiple of anything but 2 are converted to their last row and column."""
    rgb = bars(0, size)
    rgb[-8:] = (200, 30, 30)
    seen = shown(kind, rgb, padding=64).rgb()
    assert seen.shape == rgb.shape
    assert np.abs(seen[-3:].astype(int) - rgb[-3:]).mean() < 12


@pytest.mark.parametrize("matrix", ["Rec601", "Rec709"])
def test_color_space_is_heeded(matrix: str) -> None:
    """The colors are those that the camera says it wrote: half a shade matters to no one, five do."""
    rgb = np.full((240, 320, 3), (200, 30, 90), np.uint8)
    seen = shown("YUV420", rgb, matrix=matrix).rgb()
    assert np.abs(seen.astype(int) - rgb).max() <= 4


def test_unknown_format_is_named() -> None:
    """A format that cannot be converted is an error, not a wrong picture."""
    with pytest.raises(ValueError, match="SRGGB10"):
        Layout.read(configuration("SRGGB10"), "main")


def test_no_color_space_is_no_problem() -> None:
    """Cameras on USB may not say how they wrote the colors."""
    layout = Layout.read({**configuration("YUYV"), "colour_space": None}, "main")
    assert shows_bars(AvPicture(layout.frame(Machine(rec709=False).array(bars(1), "YUYV"))).rgb())


def pair(**flips: bool) -> AvPicture:
    """A large picture of the number 1, and a small one that shows 2 to be told from it."""
    machine = Machine()
    large = Layout.read(configuration("YUV420"), "main").frame(machine.array(bars(1), "YUV420"))
    small = Layout.read(configuration("YUV420", SMALL), "main").frame(machine.array(bars(2, SMALL), "YUV420"))
    return AvPicture(large, small, **flips)


@pytest.mark.parametrize(
    ("fit", "source"), [(None, 1), ((320, 240), 1), ((200, 200), 1), ((160, 120), 2), ((160, 160), 2), ((80, 60), 2)]
)
def test_small_picture_is_used_where_it_is_large_enough(fit: Size | None, source: int) -> None:
    """What fits into the small picture is taken from it, all else from the large one."""
    picture = pair()
    assert number_of(picture.gray(fit)) == source
    assert number_of(picture.rgb(fit)[:, :, 1]) == source
    assert picture.size == LARGE
    assert picture.luma().shape == (120, 160)
    assert number_of(picture.luma()) == 2


def test_pictures_are_mirrored() -> None:
    """Left to right, top to bottom, or both: the whole picture, the shrunk one and the one for the motion gate."""
    plain, turned = pair(), pair(hflip=True, vflip=True)
    for fit in (None, (160, 120)):
        assert np.array_equal(turned.rgb(fit), plain.rgb(fit)[::-1, ::-1])
        assert turned.rgb(fit).flags.c_contiguous
    assert np.array_equal(turned.luma(), plain.luma()[::-1, ::-1])
    assert np.array_equal(pair(hflip=True).gray(), plain.gray()[:, ::-1])
    assert np.array_equal(pair(vflip=True).gray(), plain.gray()[::-1])
