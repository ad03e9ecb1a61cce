"""Still pictures: read safely, shrunk, cut out, drawn on and written. All of it blocks: run it in a thread."""

from __future__ import annotations

import io
import math
import re
import stat
import struct
import threading
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from uSense.core import quality
from uSense.core.errors import BadImageError, RequestError
from uSense.core.models import Box, Face, Gray, Picture, Probe, Rgb, Size

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp"})
"""Names of picture files end so."""
OTHER_ENDINGS = frozenset({
    ".heic", ".heif", ".hif", ".tif", ".tiff", ".jxl", ".jp2", ".j2k", ".psd", ".dng", ".cr2", ".cr3", ".nef", ".nrw",
    ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw", ".raw",
})  # fmt: skip
"""Names of pictures that cannot be read end so."""
MAX_BYTES = 30_000_000
"""A larger file is refused."""
MAX_PIXELS: Mapping[str, int] = {"JPEG": 80_000_000, "AVIF": 18_000_000, "WEBP": 12_200_000}
"""A picture with more pixels is refused before it is decoded: it may be a decompression bomb.

So decoding takes about 200 MB at most: JPEG is shrunk meanwhile, libavif and libwebp keep several copies.
"""
MAX_PIXELS_ELSE = 24_000_000
"""The same for all other formats, and for progressive JPEG, of which libjpeg keeps the whole."""
MAX_SIDE = 2560
"""Decoded pictures are shrunk to this side."""
MIN_SIDE = 16
"""A smaller picture is refused."""
MARK = (0, 200, 83)
"""Color of drawn boxes."""

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP")
"""Not TIFF: its decoder writes to stderr and warns while it decodes."""
_OTHERS = {
    "HEIC": re.compile(rb".{4}ftyp(hei|hev|mif1|msf1)", re.DOTALL),
    "TIFF and raw": re.compile(rb"II[*+U]\0|MM\0[*+]|IIRO|FUJIFILM|.{4}ftypcrx", re.DOTALL),
    "JPEG XL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
    "JPEG 2000": re.compile(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP "),
}
"""How pictures begin that cannot be read."""
_SUFFIXES = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
_DAMAGED = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
"""What PIL's decoders raise for files that are not as they should be."""
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""What to do to a picture with this EXIF orientation, as PIL names it."""
_LYING = frozenset({"TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90"})
"""Those that exchange width and height."""
_ORIENTATION = 0x0112
_LONGEST_NAME = 40
_TILE = 256
_FILTERS = threading.Lock()


class ArrayPicture:
    """A picture in memory."""

    def __init__(self, pixels: Rgb) -> None:
        self._pixels = pixels

    @property
    def size(self) -> Size:
        return self._pixels.shape[1], self._pixels.shape[0]

    def rgb(self, fit: Size | None = None) -> Rgb:
        size = fitted(self.size, fit)
        return self._pixels if size == self.size else np.asarray(_shrunk(_image(self._pixels), size))

    def gray(self, fit: Size | None = None) -> Gray:
        return np.asarray(_shrunk(_image(self._pixels).convert("L"), fitted(self.size, fit)))


def fitted(size: Size, fit: Size | None) -> Size:
    """`size` shrunk (never enlarged) to lie inside `fit`, proportions kept, at least one pixel a side."""
    if fit is None:
        return size
    factor = min(1.0, fit[0] / size[0], fit[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def read(path: Path) -> Rgb:
    """The picture in a file, as `decode` gives it; raises BadImageError."""
    source = str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadImageError(source, "this is not a file: give a picture file", code="unreadable")
        if status.st_size > MAX_BYTES:
            raise _too_large(source, status.st_size)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise BadImageError(source, "there is no such file: check the name", code="not_found") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadImageError(source, f"cannot be read ({reason}): check name and rights", code="unreadable") from error
    return decode(data, source)


def decode(data: bytes, source: str) -> Rgb:
    """The picture in a file's bytes, upright, at most `MAX_SIDE` a side; raises BadImageError that names `source`.

    Of an animation it is the first picture; transparent parts become white; 16-bit gray is scaled to 8 bits.
    """
    return decode_measured(data, source)[0]


def decode_measured(data: bytes, source: str) -> tuple[Rgb, Size]:
    """What `decode` gives, and the size that the picture had before it was shrunk."""
    if not data:
        raise BadImageError(source, "the file is empty: copy it again", code="empty")
    if len(data) > MAX_BYTES:
        raise _too_large(source, len(data))
    image, orientation = _opened(data, source)
    whole = image.size
    size = fitted(whole, (MAX_SIDE, MAX_SIDE))
    try:
        image.draft(None, size)  # JPEG is decoded hardly larger than needed; a no-op elsewhere
        image.load()
    except _DAMAGED as error:
        raise BadImageError(source, "it is damaged or cut off: copy or export it again", code="truncated") from error
    turned = _TURNS.get(orientation) in _LYING
    return _upright(image, size, orientation), (whole[1], whole[0]) if turned else whole


def probe(picture: Picture, face: Face, *, longest: int = 400) -> Probe:
    """Cut a face out with half its size around it, at most `longest` pixels a side; keeps nothing of the rest alive."""
    pixels = picture.rgb()
    height, width = pixels.shape[:2]
    box = face.box
    left, right = _span(box.x0 - box.width / 2, box.x1 + box.width / 2, width)
    top, bottom = _span(box.y0 - box.height / 2, box.y1 + box.height / 2, height)
    size = fitted((right - left, bottom - top), (longest, longest))
    crop = ArrayPicture(pixels[top:bottom, left:right].copy()).rgb(size)
    fx, fy = size[0] / (right - left), size[1] / (bottom - top)
    inside = Box((box.x0 - left) * fx, (box.y0 - top) * fy, (box.x1 - left) * fx, (box.y1 - top) * fy)
    landmarks = None
    if face.landmarks is not None:
        landmarks = np.asarray((face.landmarks - (left, top)) * (fx, fy), np.float32)
    x0, x1 = _span(inside.x0, inside.x1, size[0])
    y0, y1 = _span(inside.y0, inside.y1, size[1])
    gray = ArrayPicture(crop).gray()[y0:y1, x0:x1]
    value = quality.assess(gray, size=box.height, landmarks=landmarks, score=face.score)
    return Probe(crop, inside, value, landmarks, face.ref)


def draw(rgb: Rgb, marks: Sequence[tuple[Box, str]]) -> Rgb:
    """A copy of the picture with boxes and, above them, names."""
    from PIL import ImageDraw, ImageFont  # noqa: PLC0415 - heavy: paid for when it is used

    image = _image(rgb).copy()
    pen = ImageDraw.Draw(image)
    line = max(2, min(image.size) // 240)
    font = ImageFont.load_default(max(12, min(image.size) // 28))
    for box, name in marks:
        text = _printable(name)
        if text:
            width, height = pen.textbbox((0, 0), text, font=font)[2:]
            x = max(0.0, min(box.x0, image.width - width - 2 * line))
            y = box.y0 - height - 2 * line
            y = y if y >= 0 else min(box.y1, image.height - height - 2.0 * line)
            pen.rectangle((x, y, x + width + 2 * line, y + height + 2 * line), fill=MARK)
            pen.text((x + line, y + line), text, fill="black", font=font)
    for box, _ in marks:
        x0, y0 = round(box.x0), round(box.y0)
        pen.rectangle((x0, y0, max(x0, round(box.x1)), max(y0, round(box.y1))), outline=MARK, width=line)
    return np.asarray(image)


def encode_jpeg(rgb: Rgb, quality: int = 90) -> bytes:
    """The picture as the bytes of a JPEG file; `quality` 1 to 95."""
    file = io.BytesIO()
    _image(rgb).save(file, "JPEG", quality=quality)
    return file.getvalue()


def jpeg_within(rgb: Rgb, most: int) -> tuple[bytes, Size]:
    """The picture as a JPEG file of at most `most` bytes, shrunk as far as that takes, and its size."""
    size = rgb.shape[1], rgb.shape[0]
    data = encode_jpeg(rgb)
    while len(data) > most and min(size) > MIN_SIDE:
        factor = min(0.9, 0.95 * math.sqrt(most / len(data)))
        size = fitted(size, (round(size[0] * factor), round(size[1] * factor)))
        data = encode_jpeg(np.asarray(_shrunk(_image(rgb), size)), 80)
    return data, size


def encode_exactly(rgb: Rgb) -> bytes:
    """The picture as the bytes of a WebP file in which every pixel is kept."""
    file = io.BytesIO()
    _image(rgb).save(file, "WEBP", lossless=True)
    return file.getvalue()


def left_out(files: Iterable[Path]) -> str:
    """A sentence about those of the files that are pictures and cannot be read; empty if none are."""
    endings = Counter(ending for file in files if (ending := file.suffix.lower()) in OTHER_ENDINGS)
    if not endings:
        return ""
    kinds = " and ".join(f"{count} {ending}" for ending, count in sorted(endings.items()))
    return f"{kinds} left out: such pictures cannot be read, export them as JPEG"


def check_target(path: Path) -> None:
    """Raises RequestError if `save` could not write there whatever the picture."""
    if path.suffix.lower() not in _SUFFIXES:
        raise RequestError(f"{path}: the name must end in {', '.join(_SUFFIXES)}", code="unknown_format")
    if not path.parent.is_dir():
        raise RequestError(f"{path}: cannot be written: there is no folder {path.parent}", code="unwritable")


def save(path: Path, rgb: Rgb) -> None:
    """Write the picture in the format that the name's ending says; raises RequestError."""
    check_target(path)
    try:
        _image(rgb).save(path, _SUFFIXES[path.suffix.lower()])
    except OSError as error:
        raise RequestError(f"{path}: cannot be written: {error.strerror or error}", code="unwritable") from error


def _opened(data: bytes, source: str) -> tuple[Image, int]:
    """The picture before decoding, with its EXIF orientation; everything its header tells is checked."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - heavy: paid for when it is used

    with _quiet():
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise _too_many_pixels(source, MAX_PIXELS["JPEG"], "any picture") from error
        except UnidentifiedImageError as error:
            raise _not_an_image(data, source) from error
        except _DAMAGED as error:
            raise BadImageError(
                source, "its beginning is damaged: copy or export it again", code="truncated"
            ) from error
        kind = "JPEG" if image.format == "MPO" else image.format or ""  # as phones write it: JPEG with another behind
        if "progressive" in image.info:
            kind = "progressive JPEG"
        most = MAX_PIXELS.get(kind, MAX_PIXELS_ELSE)
        if image.width * image.height > most:
            raise _too_many_pixels(source, most, kind)
        if min(image.size) < MIN_SIDE:
            size = f"{image.width} x {image.height} pixels"
            raise BadImageError(source, f"{size} are too few: use at least {MIN_SIDE} a side", code="too_small")
        try:
            # Without this question PNG would decode the whole picture to look for EXIF behind it.
            return image, int(image.getexif().get(_ORIENTATION, 1)) if "exif" in image.info else 1
        except _DAMAGED:
            return image, 1


def _upright(image: Image, size: Size, orientation: int) -> Rgb:
    """The decoded picture in `size` and color, without transparency, turned as EXIF says."""
    from PIL.Image import Transpose  # noqa: PLC0415 - heavy: paid for when it is used

    image = _opaque(image) if image.size == size else _shrunk_by_tiles(image, size)
    turn = _TURNS.get(orientation)
    return np.asarray(image if turn is None else image.transpose(Transpose[turn]))


def _shrunk_by_tiles(image: Image, size: Size) -> Image:
    """The picture in `size` and color: a copy of the whole in another mode would take as much memory again."""
    from PIL import Image as PILImage  # noqa: PLC0415 - heavy: paid for when it is used

    shrunk = PILImage.new("RGB", size)
    fx, fy = image.width / size[0], image.height / size[1]
    for left, top in product(range(0, size[0], _TILE), range(0, size[1], _TILE)):
        right, bottom = min(left + _TILE, size[0]), min(top + _TILE, size[1])
        # The filter looks a pixel of the result beyond the edge of a tile: with that no seam shows.
        x0, y0 = max(0, math.floor((left - 1) * fx)), max(0, math.floor((top - 1) * fy))
        x1, y1 = min(image.width, math.ceil((right + 1) * fx)), min(image.height, math.ceil((bottom + 1) * fy))
        tile = _opaque(image.crop((x0, y0, x1, y1)))
        box = left * fx - x0, top * fy - y0, min(right * fx, x1) - x0, min(bottom * fy, y1) - y0
        shrunk.paste(tile.resize((right - left, bottom - top), PILImage.Resampling.BILINEAR, box), (left, top))
    return shrunk


def _opaque(image: Image) -> Image:
    """The picture in color, with 8 bits, on white where it is transparent."""
    from PIL import Image as PILImage  # noqa: PLC0415 - heavy: paid for when it is used

    if image.mode.startswith("I;16"):
        image = PILImage.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    white = PILImage.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _image(pixels: Rgb) -> Image:
    from PIL import Image  # noqa: PLC0415 - heavy: paid for when it is used

    return Image.fromarray(pixels)


def _shrunk(image: Image, size: Size) -> Image:
    from PIL.Image import Resampling  # noqa: PLC0415 - heavy: paid for when it is used

    return image if image.size == size else image.resize(size, Resampling.BILINEAR, reducing_gap=2.0)


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    """Whole pixels from `low` to `high`, clipped to 0..limit; at least one."""
    start = min(max(0, math.floor(low)), limit - 1)
    return start, min(max(start + 1, math.ceil(high)), limit)


def _printable(name: str) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in name[: _LONGEST_NAME + 1]).strip()
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


@contextmanager
def _quiet() -> Iterator[None]:
    """PIL warns of odd metadata and of sizes that are judged here anyway. Filters are global: one thread at a time."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _not_an_image(data: bytes, source: str) -> BadImageError:
    for kind, beginning in _OTHERS.items():
        if beginning.match(data):
            return BadImageError(source, f"{kind} pictures cannot be read: export it as JPEG", code="not_an_image")
    return BadImageError(source, f"not a picture in one of the formats {', '.join(_FORMATS)}", code="not_an_image")


def _too_large(source: str, size: int) -> BadImageError:
    reason = f"{size / 1e6:.0f} MB are more than the {MAX_BYTES / 1e6:.0f} MB allowed: save the picture smaller"
    return BadImageError(source, reason, code="too_large_file")


def _too_many_pixels(source: str, most: int, kind: str) -> BadImageError:
    advice = "save it smaller" if most == MAX_PIXELS["JPEG"] else "save it smaller, or as plain JPEG"
    reason = f"more than the {most / 1e6:.0f} million pixels allowed for {kind}: {advice}"
    return BadImageError(source, reason, code="too_many_pixels")
