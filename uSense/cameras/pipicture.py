"""picamera2's arrays as video frames, by the format that they really have.

libcamera names formats after a little-endian word: its RGB888 is blue, green, red in memory. Of YUV420 and YVU420
picamera2 keeps the padding of the rows, of all others it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from uSense.core.models import Size

if TYPE_CHECKING:
    from av import VideoFrame

PIXELS: Mapping[str, str] = {
    "YUV420": "yuv420p",
    "YVU420": "yuv420p",
    "NV12": "nv12",
    "NV21": "nv21",
    "RGB888": "bgr24",
    "BGR888": "rgb24",
    "XRGB8888": "bgr0",
    "XBGR8888": "rgb0",
    "YUYV": "yuyv422",
    "YVYU": "yvyu422",
    "UYVY": "uyvy422",
    "MJPEG": "rgb24",
}
"""FFmpeg's names for libcamera's formats; MJPEG is what picamera2 decodes it to."""
_MATRICES = {"Rec601": 5, "Rec709": 1, "Rec2020": 9}
"""FFmpeg's AVCOL_SPC numbers."""
_RANGES = {"Limited": 1, "Full": 2}
"""FFmpeg's AVCOL_RANGE numbers."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of a stream lie in memory."""

    format: str
    size: Size
    matrix: int
    range: int

    @classmethod
    def read(cls, configuration: Mapping[str, Any], stream: str) -> Layout:
        """The layout that `camera_configuration` tells; raises ValueError for a format nobody knows."""
        kind, (width, height) = str(configuration[stream]["format"]), configuration[stream]["size"]
        if kind not in PIXELS:
            raise ValueError(f"it sends pictures as {kind}, which uSense does not know")
        space = configuration.get("colour_space")
        yuv = PIXELS[kind].startswith(("yu", "yv", "uy", "nv"))
        matrix = _MATRICES.get(space.ycbcrEncoding.name, 0) if yuv and space is not None else 0
        extent = _RANGES.get(space.range.name, 0) if yuv and space is not None else 0
        return cls(kind, (int(width), int(height)), matrix, extent)

    def frame(self, array: NDArray[np.uint8]) -> VideoFrame:
        """The picture in an array of `make_array`, in memory of its own."""
        import av  # noqa: PLC0415 - heavy: paid for by those who use a camera

        frame = av.VideoFrame(*self.size, PIXELS[self.format])
        for plane, rows in zip(frame.planes, self._planes(array), strict=True):
            target = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            target[: rows.shape[0], : rows.shape[1]] = rows
        if self.matrix:
            frame.colorspace = self.matrix
        if self.range:
            frame.color_range = self.range
        return frame

    def _planes(self, array: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """The rows of each plane, without padding."""
        width, height = self.size
        match self.format:
            case "YUV420" | "YVU420":
                chroma = np.ascontiguousarray(array[height:]).reshape(height, -1)[:, : width // 2]
                halves = [chroma[: height // 2], chroma[height // 2 :]]
                return [array[:height, :width], *(halves if self.format == "YUV420" else halves[::-1])]
            case "NV12" | "NV21":
                return [array[:height, :width], array[height:, :width]]
            case "YUYV" | "YVYU" | "UYVY":
                return [array[:, :width].reshape(height, -1)]
            case _:
                return [array.reshape(height, -1)]
