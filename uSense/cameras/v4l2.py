"""V4L2 devices that are cameras, told from the many other things called /dev/video*."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_QUERYCAP = 0x80685600
"""The ioctl VIDIOC_QUERYCAP."""
_CAPABILITY = struct.Struct("16s 32s 32s I I I 12x")
"""v4l2_capability: driver, card, bus, version, capabilities of all nodes, capabilities of this one."""
_OF_THIS_NODE = 0x80000000
_CAPTURES = 0x1
_CONVERTS = 0x8000 | 0x4000
_PARTS = {"unicam", "rp1-cfe", "bcm2835-isp", "bcm2835-codec", "pispbe"}
"""Drivers of the Pi's own camera's parts: they give no pictures without libcamera."""


@dataclass(frozen=True, slots=True)
class VideoDevice:
    """A device that may be a camera; `problem` says why it cannot be asked."""

    path: Path
    card: str
    problem: str = ""


Ask: TypeAlias = Callable[[Path], bytes]


def capability(path: Path) -> bytes:
    """What the device's driver says of it; raises OSError."""
    device = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        answer = bytearray(_CAPABILITY.size)
        fcntl.ioctl(device, _QUERYCAP, answer)
        return bytes(answer)
    finally:
        os.close(device)


def cameras(folder: Path = Path("/dev"), ask: Ask = capability) -> Sequence[VideoDevice]:
    """The cameras among the video devices, and those that cannot be asked, in the order of their numbers. Blocks."""
    names = (path for path in folder.glob("video*") if path.name.removeprefix("video").isdecimal())
    found = []
    for path in sorted(names, key=lambda path: int(path.name.removeprefix("video"))):
        try:
            driver, card, _, _, everywhere, here = _CAPABILITY.unpack(ask(path))
        except OSError as error:
            found.append(VideoDevice(path, path.name, error.strerror or str(error)))
            continue
        can = here if everywhere & _OF_THIS_NODE else everywhere
        if can & _CAPTURES and not can & _CONVERTS and _text(driver) not in _PARTS:
            found.append(VideoDevice(path, _text(card)))
    return found


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
