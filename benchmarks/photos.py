"""The labelled photos beside the repository, and what a camera may do to them."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from uSense import imaging
from uSense.core.models import Rgb, Size

SHARED = Path(__file__).resolve().parents[2] / "shared"
FACES = SHARED / "faces"
YUNET = SHARED / "models" / "yunet_s_dynamic.onnx"
VIEW = (640, 480)
"""Size of a camera's picture: photos are shrunk to fit before they are spoiled or searched."""

Point: TypeAlias = tuple[int, int]
Vectors: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Photo:
    """A file below `FACES` and where in it the labelled person is; without a place it is the largest face."""

    file: str
    place: Point | None = None


def present() -> None:
    """End the program with a plain sentence if the photos or weights are not there."""
    for path in (FACES, YUNET):
        if not path.exists():
            sys.exit(f"this benchmark needs ../shared/{path.relative_to(SHARED)} beside the repository")


def persons() -> dict[str, list[str]]:
    """The people of lfw10 and deepface and their files; deepface names pairs, of which people are the components."""
    people = {
        name: [f"lfw10/{file}" for file in files]
        for name, files in json.loads((FACES / "lfw10/labels.json").read_text())["persons"].items()
    }
    groups: list[set[str]] = []
    for pair in _same():
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair] + [pair.union(*touched)]
    for group in sorted(groups, key=min):
        people[f"deepface {min(group)}"] = [f"deepface/{file}" for file in sorted(group)]
    return people


def _same() -> Iterator[set[str]]:
    for first, second, same in json.loads((FACES / "deepface/labels.json").read_text())["pairs"]:
        if same:
            yield {first, second}
    with (FACES / "deepface/face-recognition-pivot.csv").open() as table:
        for row in csv.DictReader(table):
            if row["decision"] == "Yes":
                yield {Path(row["file_x"]).name, Path(row["file_y"]).name}


def read(file: str) -> Rgb:
    """A photo as the product reads it."""
    return imaging.read(FACES / file)


def longest_side(file: str) -> int:
    """Pixels of the stored photo's longer side; the product decodes huge ones smaller."""
    with Image.open(FACES / file) as image:
        return max(image.size)


def fitted(pixels: Rgb, size: Size = VIEW) -> Rgb:
    """The photo at the size of a camera's picture."""
    return imaging.ArrayPicture(pixels).rgb(size)


def gamma(pixels: Rgb, exponent: float) -> Rgb:
    """Darker (exponent above 1) or brighter."""
    return np.asarray(255.0 * (pixels / 255.0) ** exponent, np.uint8)


def noise(pixels: Rgb, sigma: float, generator: np.random.Generator) -> Rgb:
    """Gray values off by `sigma` on average, each color by itself, as a sensor in the dark does."""
    return np.asarray(np.clip(pixels + generator.normal(0.0, sigma, pixels.shape), 0, 255), np.uint8)


def blur(pixels: Rgb, radius: float) -> Rgb:
    """Out of focus by a Gaussian of `radius` pixels."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def jpeg(pixels: Rgb, quality: int) -> Rgb:
    """Compressed and read again."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data))


SPOILED: dict[str, Callable[[Rgb, np.random.Generator], Rgb]] = {
    "gamma 2.0": lambda pixels, _: gamma(pixels, 2.0),
    "gamma 0.5": lambda pixels, _: gamma(pixels, 0.5),
    "noise 20": lambda pixels, generator: noise(pixels, 20.0, generator),
    "blur 2 px": lambda pixels, _: blur(pixels, 2.0),
}
"""What is done to each probe of the accuracy benchmark, once."""
