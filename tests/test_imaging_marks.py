"""Still pictures: drawing on them and writing them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.films import bars, shows_bars
from uSense import imaging
from uSense.core.errors import RequestError
from uSense.core.models import Box, Size


@pytest.mark.parametrize("size", [(640, 200), (200, 640)])
@pytest.mark.parametrize("name", ["", "Anna"])
def test_box_is_drawn_where_it_is(size: Size, name: str) -> None:
    """All four corners of the box have its color, its inside does not, and the axes are not swapped."""
    box = Box(90.0, 60.0, 150.0, 180.0)
    drawn = imaging.draw(np.zeros((size[1], size[0], 3), np.uint8), [(box, name)])
    assert drawn.shape == (size[1], size[0], 3)
    for x in (90, 149, 150):
        for y in (60, 179, 180):
            assert drawn[y, x].tolist() == list(imaging.MARK)
    assert drawn[120, 120].tolist() == [0, 0, 0]
    rows, columns = np.nonzero((drawn == imaging.MARK).all(axis=2))
    assert rows.max() == 180
    assert columns.min() == 90
    assert (rows.min() < 60) == (name != "")


def test_drawing_leaves_the_picture_alone() -> None:
    """The picture that is drawn on is a copy."""
    pixels = bars(0)
    imaging.draw(pixels, [(Box(5, 5, 30, 30), "Anna")])
    assert np.array_equal(pixels, bars(0))


@pytest.mark.parametrize(
    "name", ["Zoë", "漢字", "עברית", "👩‍👩‍👧", "a\nb\tc", "\0\x1b[31m", "\ud800", "x" * 10_000, " ", "\u202eabc"]
)
@pytest.mark.parametrize("box", [Box(5, 5, 30, 30), Box(-50, -50, 500, 500), Box(60, 40, 60, 40), Box(40, 40, 30, 30)])
def test_any_name_and_box_can_be_drawn(name: str, box: Box) -> None:
    """Names in any script and of any length, and boxes beyond the edge, do not spoil the picture."""
    assert imaging.draw(bars(0, (64, 48)), [(box, name)]).shape == (48, 64, 3)


@pytest.mark.parametrize("name", ["out.jpg", "out.JPEG", "out.png", "out.webp"])
def test_saved_picture_is_read_again(tmp_path: Path, name: str) -> None:
    """The ending of the name says the format."""
    imaging.save(tmp_path / name, bars(0))
    assert shows_bars(imaging.read(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "code"), [("out.xyz", "unknown_format"), ("out", "unknown_format"), ("no/out.jpg", "unwritable")]
)
def test_picture_that_cannot_be_written(tmp_path: Path, name: str, code: str) -> None:
    """A wrong ending and a missing folder are told in plain words."""
    with pytest.raises(RequestError) as caught:
        imaging.save(tmp_path / name, bars(0))
    assert caught.value.code == code


def test_jpeg_bytes() -> None:
    """The encoded picture is a JPEG that decodes to the same; a lower quality is smaller."""
    data = imaging.encode_jpeg(bars(0))
    assert shows_bars(imaging.decode(data, "x"))
    assert len(imaging.encode_jpeg(bars(0), quality=30)) < len(data)


def test_pictures_that_cannot_be_read_are_counted_by_kind() -> None:
    """The sentence names kinds and numbers; other files and readable pictures are none of it."""
    files = [Path(name) for name in ("a.HEIC", "b.heic", "c.dng", "d.jpg", "notes.txt", "film.mov")]

    assert imaging.left_out(files) == "1 .dng and 2 .heic left out: such pictures cannot be read, export them as JPEG"
    assert imaging.left_out(files[3:]) == ""
