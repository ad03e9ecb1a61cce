"""Pictures as picamera2 gives them: by the names that libcamera has for their formats."""

from __future__ import annotations

from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from uSense.core.models import Rgb

Array: TypeAlias = NDArray[np.uint8]


def packed(rgb: Rgb, kind: str, padding: int, *, rec709: bool) -> Array:
    """The picture in libcamera's format `kind`, its rows longer by `padding` bytes where picamera2 leaves that."""
    height, width = rgb.shape[:2]
    match kind:
        case "RGB888":
            return rgb[:, :, ::-1].copy()
        case "BGR888" | "MJPEG":
            return rgb
        case "XRGB8888" | "XBGR8888":
            order = rgb if kind == "XBGR8888" else rgb[:, :, ::-1]
            return np.dstack((order, np.full((height, width), 255, np.uint8)))
        case "YUYV" | "YVYU" | "UYVY":
            luma, blue, red = _planes(rgb, "yuv422p", rec709=rec709)
            chroma = np.empty((height, width), np.uint8)
            chroma[:, ::2], chroma[:, 1::2] = (red, blue) if kind == "YVYU" else (blue, red)
            pairs = (chroma, luma) if kind == "UYVY" else (luma, chroma)
            return np.pad(np.dstack(pairs), ((0, 0), (0, padding // 2), (0, 0)))
    luma, blue, red = _planes(rgb, "yuv420p", rec709=rec709)
    first, second = (red, blue) if kind in {"YVU420", "NV21"} else (blue, red)
    if kind in {"NV12", "NV21"}:
        return np.vstack((luma, np.dstack((first, second)).reshape(height // 2, width)))
    halves = np.vstack([np.pad(half, ((0, 0), (0, padding // 2))) for half in (first, second)])
    return np.vstack((np.pad(luma, ((0, 0), (0, padding))), halves.reshape(-1, width + padding)))


def _planes(rgb: Rgb, pixels: str, *, rec709: bool) -> list[Array]:
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
    space = "ITU709" if rec709 else "ITU601"
    planes = frame.reformat(format=pixels, dst_colorspace=av.video.reformatter.Colorspace[space]).planes
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in planes
    ]
