"""Moving test pictures: red, green and blue bars with a running number, and video files of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from uSense.core.models import Gray, Rgb, Size

BARS = ((200, 30, 30), (30, 170, 30), (30, 30, 200))
"""Colors from left to right."""
_BITS = 16
_PLAIN = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
"""The display matrix of an MP4 file that is not turned."""
CLOCKWISE = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
"""The display matrix of a phone held upright: show it turned by 90 degrees to the right."""


def bars(number: int, size: Size = (320, 240)) -> Rgb:
    """Three bars, and above them `number` in black and white blocks, the lowest bit first."""
    width, height = size
    pixels = np.empty((height, width, 3), np.uint8)
    for index, color in enumerate(BARS):
        pixels[:, index * width // 3 : (index + 1) * width // 3] = color
    block = width // _BITS
    for bit in range(_BITS):
        pixels[:block, bit * block : (bit + 1) * block] = 255 * (number >> bit & 1)
    return pixels


def number_of(gray: Gray) -> int:
    """The number that `bars` wrote into a picture of any size."""
    block = gray.shape[1] / _BITS
    middles = [round((bit + 0.5) * block) for bit in range(_BITS)]
    return sum(1 << bit for bit, x in enumerate(middles) if gray[round(block / 2), x] > 127)


def shows_bars(rgb: Rgb) -> bool:
    """Whether the bars have the right colors in the right order."""
    height, width = rgb.shape[:2]
    seen = [rgb[height * 2 // 3, width * (2 * index + 1) // 6].astype(int) for index in range(len(BARS))]
    return all(abs(color - expected).max() < 40 for color, expected in zip(seen, np.array(BARS), strict=True))


def write_film(
    path: Path,
    frames: int = 15,
    *,
    size: Size = (320, 240),
    fps: int = 15,
    codec: str = "libx264",
    pixels: str = "yuv420p",
) -> Path:
    """Write a video file; frame n shows the number n."""
    with av.open(path, "w") as film:
        stream = film.add_stream(codec, rate=fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        for number in range(frames):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(bars(number, size), "rgb24")))
        film.mux(stream.encode())
    return path


def retimed(source: Path, path: Path, times: Sequence[int | None]) -> Path:
    """Copy a video file with other timestamps, in milliseconds; None leaves a packet without."""
    with av.open(source) as film, av.open(path, "w") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        packets = [packet for packet in film.demux(video=0) if packet.size]
        for index, (packet, time) in enumerate(zip(packets, times, strict=True)):
            packet.stream = stream
            packet.time_base = Fraction(1, 1000)
            packet.pts, packet.dts = time, index - len(packets)
            copy.mux_one(packet)
    return path


def turn(path: Path, matrix: Sequence[int] = CLOCKWISE) -> Path:
    """Give an MP4 file another display matrix, as phones write it."""
    data = path.read_bytes()
    plain, other = struct.pack(">9i", *_PLAIN), struct.pack(">9i", *matrix)
    track = data.index(b"tkhd")
    path.write_bytes(data[:track] + data[track:].replace(plain, other, 1))
    return path


def write_pictures(folder: Path, names: Sequence[str], size: Size = (320, 240)) -> Path:
    """Write one picture of the bars under each name; the n-th shows the number n."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(bars(number, size)).save(path)
    return folder
