"""The demo's two people: public-domain portraits that releases bring; else packages of the extra `demo` have them."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from uSense.demo.errors import DemoError

PICTURE_SIZE = 420
JPEG_QUALITY = 92
PHOTOS = Path(__file__).parent / "photos"
"""Where a release has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """A photo of one person; all coordinates are pixels of the photo."""

    name: str
    credit: str
    package: str
    file: str
    face: tuple[float, float]
    """Center of the face."""
    height: float
    """Height of the face as dlib's detector boxes it."""
    outline: str
    """Polygon around the person, without the photo's background, written as in SVG."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How an enrolled picture differs from the photo: width in face heights, degrees, gamma, mirrored or not."""

    width: float
    angle: float
    gamma: float
    mirrored: bool = False


POSES = (Pose(2.6, 0, 1.0), Pose(3.0, 5, 0.75), Pose(2.4, -6, 1.25), Pose(2.8, 2, 0.9, mirrored=True))

GRACE = Portrait(
    name="Grace Hopper",
    credit="photo: U.S. Navy, public domain; a file of the package matplotlib",
    package="matplotlib",
    file="mpl-data/sample_data/grace_hopper.jpg",
    face=(268, 245),
    height=215,
    outline=(
        "218,30 213,43 197,49 181,64 176,73 175,84 160,102 150,112 149,186 154,192 155,219 161,232 160,252 "
        "164,275 178,291 197,299 199,316 183,332 165,344 129,355 96,363 61,380 47,389 36,411 27,440 20,490 "
        "19,540 22,599 490,599 497,540 506,470 507,430 494,398 483,389 464,377 422,366 363,341 338,322 "
        "330,313 340,303 354,290 361,270 369,225 374,205 374,188 369,180 371,134 369,100 363,88 354,86 "
        "343,63 306,37 293,35 281,27 262,23 242,24 229,28"
    ),
)
EILEEN = Portrait(
    name="Eileen Collins",
    credit="photo: NASA, public domain; a file of the package scikit-image",
    package="skimage",
    file="data/astronaut.png",
    face=(222, 127),
    height=88,
    outline=(
        "201,23 185,38 163,51 156,58 153,68 155,98 157,104 170,116 177,133 178,147 153,151 140,158 131,167 "
        "121,183 120,201 113,205 90,227 76,235 65,246 46,278 39,306 32,323 32,336 26,356 25,375 19,390 "
        "19,410 24,432 25,478 29,493 37,502 39,511 511,511 502,483 493,477 501,463 493,421 478,384 455,361 "
        "436,351 418,345 393,344 364,348 360,344 356,302 347,282 343,268 303,233 299,219 289,203 276,189 "
        "257,174 257,164 268,138 275,134 290,117 296,107 300,92 296,58 288,43 276,31 248,18 227,16"
    ),
)


def locate(portrait: Portrait) -> Path:
    """Path of the photo, found without importing the package it lies in; DemoError if it is not there."""
    brought = PHOTOS / Path(portrait.file).name
    if brought.is_file():
        return brought
    spec = importlib.util.find_spec(portrait.package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder, portrait.file)
        if path.is_file():
            return path
    message = (
        f"the demo's portrait of {portrait.name} is missing: releases of uSense have it; what is installed from the "
        "source alone finds it in the extra packages of the demo. Install them: pip install 'uSense[demo]'"
    )
    raise DemoError(message)


def photo(portrait: Portrait) -> Image.Image:
    """The photo as it is, RGB."""
    with Image.open(locate(portrait)) as image:
        return image.convert("RGB")


def pictures(portrait: Portrait) -> list[bytes]:
    """JPEG pictures to enroll the person from: other crops, angles and exposures than the scene's."""
    image = photo(portrait)
    return [_picture(image, portrait, pose) for pose in POSES]


def _picture(image: Image.Image, portrait: Portrait, pose: Pose) -> bytes:
    x, y = portrait.face
    half = pose.width * portrait.height / 2
    turned = image.rotate(pose.angle, Image.Resampling.BICUBIC, center=portrait.face)
    box = (round(x - half), round(y - half), round(x + half), round(y + half))
    cut = turned.crop(box).resize((PICTURE_SIZE, PICTURE_SIZE), Image.Resampling.LANCZOS)
    lit = cut.point([round(255 * (value / 255) ** pose.gamma) for value in range(256)] * 3)
    if pose.mirrored:
        lit = ImageOps.mirror(lit)
    data = io.BytesIO()
    lit.save(data, "JPEG", quality=JPEG_QUALITY)
    return data.getvalue()
