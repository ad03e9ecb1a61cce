"""Still pictures: what the largest of them cost, and that shrinking them piece by piece does not show."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support import needs
from uSense import imaging
from uSense.core.errors import BadImageError
from uSense.core.models import Size

MEASURED = """
import sys
from pathlib import Path
from uSense import imaging

def most():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

imaging.read(Path(sys.argv[1]))
before = most()
pixels = imaging.read(Path(sys.argv[2]))
print((most() - before) // 1000, max(pixels.shape))
"""
"""Prints by how many megabytes a process grows when it reads the second picture, and that picture's longest side."""


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "side", "options", "allowed"),
    [
        ("PNG", 5000, {}, "24 million pixels allowed for PNG: save it smaller, or as plain JPEG"),
        ("WEBP", 3600, {"method": 0}, "12 million pixels allowed for WEBP: save it smaller, or as plain JPEG"),
        ("JPEG", 5000, {"progressive": True}, "24 million pixels allowed for progressive JPEG"),
        ("JPEG", 9000, {}, "80 million pixels allowed for JPEG: save it smaller"),
    ],
)
def test_pixels_are_limited_by_what_decoding_takes(kind: str, side: int, options: dict[str, Any], allowed: str) -> None:
    """Formats that are decoded as a whole may have fewer pixels than JPEG; the limit and the way out are told."""
    data = encoded(Image.new("RGB", (side, side)), kind, **options)

    with pytest.raises(BadImageError) as caught:
        imaging.decode(data, "photo")
    assert caught.value.code == "too_many_pixels"
    assert allowed in caught.value.reason


@pytest.mark.parametrize(
    ("kind", "mode", "side", "options"),
    [
        ("PNG", "RGBA", 4898, {"compress_level": 1}),
        ("PNG", "LA", 4898, {"compress_level": 1}),
        ("PNG", "RGB", 4898, {"compress_level": 1, "transparency": (1, 2, 3)}),
        ("WEBP", "RGBA", 3492, {"method": 0}),
        ("JPEG", "RGB", 5119, {"subsampling": 0}),
        ("JPEG", "RGB", 8900, {}),
        ("MPO", "RGB", 8900, {"save_all": True, "append_images": [Image.new("RGB", (100, 100))]}),
    ],
)
def test_memory_is_limited(tmp_path: Path, kind: str, mode: str, side: int, options: dict[str, Any]) -> None:
    """The largest picture of each kind is decoded in memory that a Pi with 1 GB has to spare."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(encoded(Image.new(mode, (100, 100)), kind))
    large.write_bytes(encoded(Image.new(mode, (side, side)), kind, **options))

    command = [sys.executable, "-c", MEASURED, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=needs.ROOT)

    megabytes, longest = map(int, done.stdout.split())
    assert longest == imaging.MAX_SIDE
    assert megabytes < 220


@pytest.mark.parametrize("size", [(16, 1_400_000), (1_400_000, 16)])
def test_a_picture_like_a_thread_is_shrunk_as_well(size: Size) -> None:
    """Down to one pixel a side."""
    pixels = imaging.decode(encoded(Image.new("LA", size, (40, 255)), "PNG"), "x")

    assert sorted(pixels.shape) == [1, 3, imaging.MAX_SIDE]
    assert set(np.unique(pixels)) == {40}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.floats(1.0, 4.0))
def test_no_seams_show(width: int, height: int, times: float) -> None:
    """Shrinking piece by piece gives what shrinking at once would give."""
    size = round(height * times), round(width * times), 3
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, size, np.uint8))

    whole = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).astype(int)
    pieced = np.asarray(imaging._shrunk_by_tiles(image, (width, height)))

    # A seam or a shift would show as a hundred on noise; a unit or two is how the filter rounds.
    assert np.abs(whole - pieced).max() <= 4
