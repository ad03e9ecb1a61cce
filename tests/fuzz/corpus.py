"""What fuzzing starts from: code that makes pictures, texts and files, and ways to spoil them."""

from __future__ import annotations

import io
import os
from functools import cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.portraits import GRACE

TIMES = int(os.environ.get("FUZZ", "0"))
"""`FUZZ=20 make test ARGS="tests/fuzz"` tries 20 times as many examples, others at each run."""
KINDS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
SIDE = 64

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
"""Any value of JSON, and of what Python's writer adds to it: NaN and infinities."""


def fuzzed(examples: int) -> settings:
    """So many examples, the same at each run; other and more ones if FUZZ says how many times more."""
    slow = [HealthCheck.too_slow]
    return settings(
        max_examples=examples * max(1, TIMES), derandomize=not TIMES, deadline=None, suppress_health_check=slow
    )


@cache
def pictures() -> tuple[bytes, ...]:
    """A small picture in every format, in color, gray and with several frames."""
    color = Image.fromarray(GRACE).resize((SIDE, SIDE))
    found = [_encoded(color, kind) for kind in KINDS]
    found += [_encoded(color.convert("L"), kind) for kind in ("JPEG", "PNG")]
    found += [_encoded(color.convert("CMYK"), "JPEG"), _encoded(color, "JPEG", progressive=True)]
    found += [_encoded(color.convert("P"), "PNG"), _encoded(color.convert("RGBA"), "WEBP", lossless=True)]
    frames = [color.rotate(90 * number) for number in range(3)]
    found += [_encoded(color, kind, save_all=True, append_images=frames) for kind in ("GIF", "PNG", "WEBP")]
    deep = Image.fromarray(np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) * 16)
    exif = Image.Exif()
    exif[274] = 6
    return (*found, _encoded(deep, "PNG"), _encoded(color, "JPEG", exif=exif.tobytes()))


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


@st.composite
def spoiled(draw: st.DrawFn, data: st.SearchStrategy[bytes], most: int = 6) -> bytes:
    """The data after some damage: bytes changed, left out, repeated, put in, or the rest cut off."""
    found = bytearray(draw(data))
    for _ in range(draw(st.integers(0, most))):
        place = draw(st.integers(0, len(found)))
        length = draw(st.integers(1, 16))
        match draw(st.integers(0, 4)):
            case 0:
                found[place : place + length] = draw(st.binary(min_size=length, max_size=length))
            case 1:
                del found[place : place + length]
            case 2:
                found[place:place] = found[place : place + length]
            case 3:
                found[place:place] = draw(st.binary(min_size=1, max_size=length))
            case _:
                del found[max(place, 8) :]
    return bytes(found)
