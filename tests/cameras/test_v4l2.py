"""Which of the video devices are cameras."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from uSense.cameras import v4l2

CAPTURE, META, OUTPUT, M2M, ALL = 0x1, 0x800000, 0x2, 0x8000, 0x80000000


def answer(driver: str, card: str, capabilities: int, here: int = 0) -> bytes:
    """What VIDIOC_QUERYCAP gives."""
    return struct.pack(
        "=16s32s32sIII3I", driver.encode(), card.encode(), b"usb-1.2", 0x60C00, capabilities, here, 0, 0, 0
    )


DEVICES: dict[str, bytes | OSError] = {
    "video10": answer("bcm2835-codec", "bcm2835-codec-decode", M2M | ALL, M2M),
    "video2": answer("uvcvideo", "HD Webcam", CAPTURE | META | ALL, CAPTURE),
    "video3": answer("uvcvideo", "HD Webcam", CAPTURE | META | ALL, META),
    "video0": answer("unicam", "unicam", CAPTURE | ALL, CAPTURE),
    "video14": answer("bcm2835-isp", "bcm2835-isp", CAPTURE | ALL, CAPTURE),
    "video11": answer("vivid", "Täuschung", CAPTURE | OUTPUT),
    "video5": PermissionError(13, "Permission denied"),
    "video6": OSError(25, "Inappropriate ioctl for device"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of devices."""
    for name in (*DEVICES, "video", "videoX", "media0"):
        (tmp_path / name).touch()
    return tmp_path


def asked(devices: dict[str, bytes | OSError]) -> Callable[[Path], bytes]:
    """Devices that answer."""

    def ask(path: Path) -> bytes:
        found = devices[path.name]
        if isinstance(found, OSError):
            raise found
        return found

    return ask


def test_only_cameras_are_found(folder: Path) -> None:
    """Not metadata, not codecs, not the parts of the Pi's own camera; what cannot be asked is told; 2 before 11."""
    found = [(device.path.name, device.card, device.problem) for device in v4l2.cameras(folder, asked(DEVICES))]
    assert found == [
        ("video2", "HD Webcam", ""),
        ("video5", "video5", "Permission denied"),
        ("video6", "video6", "Inappropriate ioctl for device"),
        ("video11", "Täuschung", ""),
    ]


def test_a_file_is_no_device(tmp_path: Path) -> None:
    """The real question is asked of the real kernel, and what is no device says so."""
    (tmp_path / "video0").touch()
    (device,) = v4l2.cameras(tmp_path)
    assert device.problem == "Inappropriate ioctl for device"


def test_no_devices_are_no_problem(tmp_path: Path) -> None:
    """Machines without any."""
    assert list(v4l2.cameras(tmp_path)) == []
