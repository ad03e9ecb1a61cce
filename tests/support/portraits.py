"""Two people in any number of poses, from the public-domain portraits that come with packages of the `demo` extra."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image, ImageEnhance

from uSense.core.models import Rgb
from uSense.demo import portraits


@cache
def _photo(portrait: portraits.Portrait) -> Image.Image:
    with Image.open(portraits.locate(portrait)) as photo:
        x, y = portrait.face
        half = portrait.height * 1.4
        return photo.convert("RGB").crop((round(x - half), round(y - half), round(x + half), round(y + half)))


GRACE: Rgb = np.asarray(_photo(portraits.GRACE))
EILEEN: Rgb = np.asarray(_photo(portraits.EILEEN))


def pose(photo: Rgb, number: int) -> Rgb:
    """Another rendering of a portrait for every number: turned a little, lit and scaled differently."""
    image = Image.fromarray(photo).rotate((number * 5) % 13 - 6, Image.Resampling.BICUBIC, fillcolor=(90, 90, 90))
    image = ImageEnhance.Brightness(image).enhance(0.8 + 0.06 * (number % 8))
    side = 360 + 20 * (number % 5)
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))


def side_by_side(left: Rgb, right: Rgb) -> Rgb:
    """Two pictures as one."""
    height = min(left.shape[0], right.shape[0])
    return np.concatenate((left[:height], right[:height]), axis=1)


def jpeg(picture: Rgb) -> bytes:
    """The picture as a file."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=92)
    return data.getvalue()
