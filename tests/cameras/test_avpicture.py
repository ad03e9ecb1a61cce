"""Decoded video frames as pictures."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.films import BARS, bars, number_of, shows_bars, turn, write_film
from uSense.cameras.avpicture import AvPicture
from uSense.core.models import Size

FORMATS = [
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "yuyv422", "rgb24", "bgr24",
    "rgba", "yuv420p10le",
]  # fmt: skip


def picture(size: Size = (320, 240), pixels: str = "yuv420p", number: int = 0) -> AvPicture:
    """The bars in a pixel format."""
    frame = av.VideoFrame.from_ndarray(bars(number, size), "rgb24").reformat(format=pixels)
    assert frame.format.name == pixels
    return AvPicture(frame)


@pytest.mark.parametrize("pixels", FORMATS)
def test_every_pixel_format_is_understood(pixels: str) -> None:
    """Whatever a decoder or device delivers: colors, gray and the small gray picture are right."""
    shown = picture(pixels=pixels, number=0b1010011)
    assert shows_bars(shown.rgb())
    assert shows_bars(shown.rgb((99, 99)))
    assert number_of(shown.gray()) == number_of(shown.gray((160, 160))) == 0b1010011
    assert shown.luma().shape == (120, 160)
    assert abs(shown.luma()[60:].astype(int) - shown.gray((160, 120))[60:]).mean() < 15


@pytest.mark.parametrize("pixels", ["yuv420p", "yuyv422"])
@pytest.mark.parametrize("size", [(1920, 1080), (322, 242), (160, 120), (64, 48), (240, 426), (3840, 2160)])
def test_luma_is_at_most_160_a_side(size: Size, pixels: str) -> None:
    """The small gray picture has the proportions of the whole one."""
    rows, columns = picture(size, pixels).luma().shape
    assert max(rows, columns) <= 160
    assert columns / rows == pytest.approx(size[0] / size[1], rel=0.03)


def test_gray_and_color_agree() -> None:
    """Black is 0 and white is 255 in gray as in color, although video mostly uses 16 to 235."""
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:, 32:] = 255
    shown = AvPicture(av.VideoFrame.from_ndarray(frame, "rgb24").reformat(format="yuv420p"))
    assert shown.gray()[24, [5, 60]].tolist() == pytest.approx([0, 255], abs=2)
    assert shown.rgb()[24, [5, 60], 0].tolist() == pytest.approx([0, 255], abs=2)


def test_shrinking_averages() -> None:
    """Fine patterns are averaged, not picked from."""
    board = (np.indices((480, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    shown = AvPicture(av.VideoFrame.from_ndarray(np.repeat(board[..., None], 3, 2), "rgb24"))
    assert abs(shown.gray((64, 48)).astype(int) - 127).max() < 20


def test_frame_of_a_phone_is_upright(tmp_path: Path) -> None:
    """A recording that says it was held upright is shown so, in every size."""
    with av.open(turn(write_film(tmp_path / "phone.mp4", 1))) as film:
        shown = AvPicture(next(film.decode(video=0)))
    assert shown.size == (240, 320)
    assert shown.rgb().shape == (320, 240, 3)
    assert shown.gray((60, 60)).shape == (60, 45)
    assert shown.luma().shape == (160, 120)
    from_top = [shown.rgb()[height, 60].astype(int) for height in (53, 160, 266)]
    assert all(abs(color - bar).max() < 40 for color, bar in zip(from_top, np.array(BARS), strict=True))


def test_picture_outlives_its_film(tmp_path: Path) -> None:
    """A frame stays what it was while the decoder goes on and after the file is closed."""
    with av.open(write_film(tmp_path / "film.mp4", 20)) as film:
        shown = [AvPicture(frame) for frame in film.decode(video=0)]
    assert [number_of(each.gray()) for each in shown] == list(range(20))
