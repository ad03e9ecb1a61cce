"""Still pictures: every kind of bad and odd file, cutting out, drawing."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from uSense import imaging
from uSense.core.errors import BadImageError
from uSense.core.models import Box, Face, Rgb, Size

FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP"]
LOSSLESS = ["PNG", "BMP"]
EXIF_FORMATS = ["JPEG", "PNG", "WEBP", "AVIF"]


def quarters(size: Size = (64, 48)) -> Rgb:
    """Red and green above, blue and white below: shows every kind of turn."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (220, 20, 20)
    pixels[: height // 2, width // 2 :] = (20, 200, 20)
    pixels[height // 2 :, : width // 2] = (20, 20, 220)
    pixels[height // 2 :, width // 2 :] = (235, 235, 235)
    return pixels


def encoded(image: Image.Image | Rgb, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def refused(data: bytes) -> BadImageError:
    """The error with which bytes are refused."""
    with pytest.raises(BadImageError) as caught:
        imaging.decode(data, "photo.jpg")
    assert str(caught.value).startswith("photo.jpg: ")
    return caught.value


def near(pixels: Rgb, expected: Rgb, tolerance: float = 8.0) -> bool:
    """Whether two pictures of the same size look the same."""
    assert pixels.shape == expected.shape
    return float(np.abs(pixels.astype(int) - expected.astype(int)).mean()) < tolerance


def png_of(size: Size) -> bytes:
    """A PNG that claims a size and holds next to no data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))

    header = struct.pack("!IIBBBBB", *size, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# Reading


@pytest.mark.parametrize("kind", FORMATS)
def test_decodes_every_format(kind: str) -> None:
    """Each of the formats gives the same picture, three channels, red first."""
    assert near(imaging.decode(encoded(quarters(), kind), "x"), quarters())


def test_empty_file_is_refused() -> None:
    """Nothing at all is named as such."""
    assert refused(b"").code == "empty"


@pytest.mark.parametrize(
    "data", [b"hello", b"\0" * 1000, b"%PDF-1.7 ...", b"<svg></svg>", b"\xff\xd8\xff", b"II*\0" * 99]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Other files are refused with the formats that can be read."""
    error = refused(data)
    assert error.code == "not_an_image"
    assert "JPEG" in error.reason


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"II*\0\x08\0\0\0", "TIFF and raw"),
        (b"MM\0*\0\0\0\x08", "TIFF and raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01", "TIFF and raw"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    ],
)
def test_other_kinds_of_pictures_are_refused_with_advice(data: bytes, kind: str) -> None:
    """What phones and cameras write besides is called by its name, with the way out."""
    error = refused(data + bytes(100))
    assert error.code == "not_an_image"
    assert error.reason == f"{kind} pictures cannot be read: export it as JPEG"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_cut_off_file_is_refused(kind: str) -> None:
    """A file whose second half is missing is refused, not shown half gray."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(noise, kind)
    assert refused(data[: len(data) // 2]).code == "truncated"


def test_global_state_of_pil_stays() -> None:
    """Reading broken files does not loosen PIL for the rest of the process."""
    refused(encoded(quarters(), "JPEG")[:-100])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_bytes_are_limited() -> None:
    """A file above the limit is refused before anything looks into it."""
    error = refused(bytes(imaging.MAX_BYTES + 1))
    assert error.code == "too_large_file"
    assert "30 MB" in error.reason


@pytest.mark.parametrize("size", [(9000, 9000), (10_000, 10_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bomb_is_refused(size: Size) -> None:
    """A few bytes that claim more pixels than allowed are refused before they are decoded, without a warning."""
    assert refused(png_of(size)).code == "too_many_pixels"


@pytest.mark.parametrize("size", [(1, 1), (15, 300), (300, 15)])
def test_tiny_picture_is_refused(size: Size) -> None:
    """A picture too small for any face is refused."""
    error = refused(encoded(quarters(size)))
    assert error.code == "too_small"
    assert f"{size[0]} x {size[1]}" in error.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_picture_is_shrunk(kind: str) -> None:
    """A large photo comes out at the side limit, with its proportions."""
    pixels = imaging.decode(encoded(quarters((5000, 3000)), kind), "x")
    assert pixels.shape == (1536, 2560, 3)
    assert near(pixels, quarters((2560, 1536)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", EXIF_FORMATS)
def test_exif_rotation_is_undone(kind: str, orientation: int) -> None:
    """However the camera was held, the picture comes out upright."""
    undo = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.fliplr(np.rot90(a, -1)),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.fliplr(np.rot90(a, 1)),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(np.ascontiguousarray(undo(quarters())), kind, exif=exif)
    assert near(imaging.decode(data, "x"), quarters())


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01", b"Exif\0\0"])
def test_broken_exif_is_ignored(exif: bytes) -> None:
    """A picture whose EXIF block is damaged is read as it lies, without a warning."""
    assert near(imaging.decode(encoded(quarters(), "JPEG", exif=exif), "x"), quarters())


def test_grayscale_becomes_color() -> None:
    """A gray picture has three equal channels."""
    pixels = imaging.decode(encoded(Image.fromarray(quarters()).convert("L")), "x")
    assert pixels.shape == (48, 64, 3)
    assert np.ptp(pixels, axis=2).max() == 0


def test_cmyk_becomes_rgb() -> None:
    """A picture for print has the right colors on the screen."""
    data = encoded(Image.fromarray(quarters()).convert("CMYK"), "JPEG", quality=95)
    assert near(imaging.decode(data, "x"), quarters())


def test_black_and_white_becomes_color() -> None:
    """One bit per pixel is enough for a picture."""
    pixels = imaging.decode(encoded(Image.fromarray(quarters()).convert("1", dither=Image.Dither.NONE)), "x")
    assert set(np.unique(pixels)) == {0, 255}


def test_sixteen_bits_are_scaled() -> None:
    """16-bit gray keeps its shades instead of being clipped to white."""
    deep = (np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)
    assert near(imaging.decode(encoded(Image.fromarray(deep)), "x"), np.repeat((deep >> 8)[..., None], 3, 2), 1.0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparent_becomes_white(mode: str) -> None:
    """Transparent parts are shown on white, not on black or in hidden colors."""
    gray = Image.new("L", (64, 48), 40)
    alpha = Image.new("L", (64, 48), 255)
    alpha.paste(0, (0, 0, 32, 48))
    image = Image.merge("LA", (gray, alpha))
    if mode == "P":
        data = encoded(image.convert("RGBA").quantize(8), "PNG")
    else:
        data = encoded(image.convert("RGBA") if mode == "PA" else image.convert(mode), "PNG")
    pixels = imaging.decode(data, "x")
    assert pixels[24, 10].tolist() == [255, 255, 255]
    assert pixels[24, 50].tolist() == [40, 40, 40]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_gives_its_first_picture(kind: str) -> None:
    """Of an animation the first picture counts."""
    others = [Image.fromarray(255 - quarters()), Image.fromarray(np.zeros_like(quarters()))]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(quarters(), kind, save_all=True, append_images=others, duration=50, **options)
    assert near(imaging.decode(data, "x"), quarters())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(FORMATS), st.data())
def test_damage_has_a_defined_answer(kind: str, data: st.DataObject) -> None:
    """Whatever is wrong with a file: it is decoded or refused as a bad image; nothing else is raised or warned of."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = bytearray(encoded(quarters(), kind, **({"exif": exif} if kind in EXIF_FORMATS else {})))
    places = st.one_of(st.integers(0, min(len(file), 200) - 1), st.integers(0, len(file) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        file[place] = value
    end = data.draw(st.one_of(st.just(len(file)), places))
    code = ""
    try:
        imaging.decode(bytes(file[:end]), "x")
    except BadImageError as error:
        code = error.code
    assert code in {"", "empty", "not_an_image", "truncated", "too_many_pixels", "too_small"}


def test_reads_a_file(tmp_path: Path) -> None:
    """A picture file with any name is read."""
    path = tmp_path / "Zoë 漢字.png"
    path.write_bytes(encoded(quarters()))
    assert near(imaging.read(path), quarters())


def test_path_without_a_readable_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe and an impossible name are told apart."""
    fifo = tmp_path / "pipe.jpg"
    os.mkfifo(fifo)
    expected = [
        (tmp_path / "missing.jpg", "not_found"),
        (tmp_path, "unreadable"),
        (fifo, "unreadable"),
        (Path("a\0b.jpg"), "unreadable"),
        (tmp_path / ("x" * 300), "unreadable"),
        (Path("/proc/self/mem"), "unreadable"),
    ]
    for path, code in expected:
        with pytest.raises(BadImageError) as caught:
            imaging.read(path)
        assert caught.value.code == code
        assert caught.value.source == str(path)


def test_large_file_is_not_read(tmp_path: Path) -> None:
    """A file above the limit is refused by its size alone."""
    path = tmp_path / "film.jpg"
    with path.open("wb") as file:
        file.truncate(50_000_000_000)
    with pytest.raises(BadImageError) as caught:
        imaging.read(path)
    assert caught.value.code == "too_large_file"


def test_real_photos(faces: Path) -> None:
    """Photos from the wild, from tiny to large and with transparency, come out within the limits."""
    names = [f"ageitgey/{name}" for name in ("test_32bit.png", "ex_obama-240p.jpg", "ex_obama-1080p.jpg")]
    large = max((faces / "deepface").glob("*.jpg"), key=lambda path: path.stat().st_size)
    for path in [*(faces / name for name in names), large]:
        pixels = imaging.read(path)
        assert pixels.shape[2] == 3
        assert max(pixels.shape) <= imaging.MAX_SIDE


# Sizes


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 3000), st.integers(1, 3000))
def test_fitted_lies_inside_and_never_grows(width: int, height: int, fit_width: int, fit_height: int) -> None:
    """The fitted size is inside the frame, not larger than before, and as large as possible."""
    w, h = imaging.fitted((width, height), (fit_width, fit_height))
    assert 1 <= w <= min(width, fit_width)
    assert 1 <= h <= min(height, fit_height)
    assert w in {width, fit_width} or h == fit_height


@pytest.mark.parametrize("fit", [None, (1000, 1000), (200, 100)])
def test_picture_is_not_enlarged(fit: Size | None) -> None:
    """A picture that fits is given as it is, without a copy."""
    pixels = quarters((200, 100))
    assert imaging.ArrayPicture(pixels).rgb(fit) is pixels


@pytest.mark.parametrize(
    ("size", "fit", "expected"), [((640, 480), (320, 320), (320, 240)), ((480, 640), (99, 99), (74, 99))]
)
def test_picture_is_shrunk_to_fit(size: Size, fit: Size, expected: Size) -> None:
    """A shrunk picture keeps its proportions and colors, and its gray version has the same size."""
    picture = imaging.ArrayPicture(quarters(size))
    assert picture.size == size
    assert near(picture.rgb(fit), quarters(expected))
    assert picture.gray(fit).shape == picture.rgb(fit).shape[:2]


def test_shrinking_averages() -> None:
    """Fine patterns are averaged, not picked from: a checkerboard becomes gray."""
    board = np.indices((400, 600)).sum(axis=0) % 2 * np.uint8(255)
    picture = imaging.ArrayPicture(np.repeat(board[..., None], 3, 2).astype(np.uint8))
    assert abs(picture.gray((60, 40)).astype(int) - 127).max() < 20


# Cutting out


def test_probe_has_half_a_face_around_it() -> None:
    """The crop reaches half the face's size beyond it on every side, and knows where the face is."""
    landmarks = np.array([[320, 120], [380, 120], [350, 150], [330, 180], [370, 180]], np.float32)
    probe = imaging.probe(imaging.ArrayPicture(quarters((800, 600))), Face(Box(300, 100, 400, 220), 0.9, landmarks))
    assert probe.crop.shape == (240, 200, 3)
    assert probe.box == Box(50, 60, 150, 180)
    assert probe.landmarks is not None
    assert probe.landmarks[0].tolist() == [70.0, 80.0]
    assert probe.quality.size == 120


def test_probe_is_clipped_at_the_edge() -> None:
    """At the picture's edge there is less around the face, and nothing is made up."""
    picture = imaging.ArrayPicture(quarters((800, 600)))
    probe = imaging.probe(picture, Face(Box(-20, 540, 80, 660), 0.9))
    assert probe.crop.shape == (120, 130, 3)
    assert probe.box == Box(-20, 60, 80, 180)
    assert near(probe.crop, picture.rgb()[480:, :130])


@given(st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(0, 2000), st.floats(0, 2000))
def test_any_box_gives_a_probe(x: float, y: float, width: float, height: float) -> None:
    """Even a box outside of the picture or without an area gives a crop of at least a pixel."""
    probe = imaging.probe(imaging.ArrayPicture(quarters()), Face(Box(x, y, x + width, y + height), 1.0), longest=100)
    assert min(probe.crop.shape) >= 1
    assert max(probe.crop.shape) <= 100


def test_large_face_is_shrunk_with_its_points() -> None:
    """The crop of a close face is shrunk to the limit; box and landmarks shrink with it."""
    landmarks = np.array([[700, 500]] * 5, np.float32)
    probe = imaging.probe(imaging.ArrayPicture(quarters((2000, 1600))), Face(Box(500, 300, 900, 700), 0.9, landmarks))
    assert probe.crop.shape == (400, 400, 3)
    assert probe.box == Box(100, 100, 300, 300)
    assert probe.landmarks is not None
    assert probe.landmarks[0].tolist() == [200.0, 200.0]
    assert probe.quality.size == 400


def test_probe_keeps_the_frame_not_alive() -> None:
    """A waiting face costs the memory of its crop only."""
    probe = imaging.probe(imaging.ArrayPicture(quarters((800, 600))), Face(Box(300, 100, 400, 220), 0.9))
    assert probe.crop.base is None
    whole = imaging.probe(imaging.ArrayPicture(quarters((300, 300))), Face(Box(0, 0, 300, 300), 0.9))
    assert whole.crop.base is None


def test_quality_is_of_the_face_alone(faces: Path) -> None:
    """A sharp face is better than the same face blurred, whatever is around it."""
    boxes = json.loads((faces / "boxes.json").read_text())
    name = "ageitgey/ex_obama.jpg"
    pixels = imaging.read(faces / name)
    box = Box(*boxes[name]["faces"][0])
    blurred = pixels.copy()
    x0, y0, x1, y1 = round(box.x0), round(box.y0), round(box.x1), round(box.y1)
    face = Image.fromarray(pixels[y0:y1, x0:x1])
    blurred[y0:y1, x0:x1] = np.asarray(face.resize((12, 12), Image.Resampling.BOX).resize(face.size))
    sharp, soft = (imaging.probe(imaging.ArrayPicture(each), Face(box, 1.0)) for each in (pixels, blurred))
    assert soft.quality.sharpness < sharp.quality.sharpness / 2
