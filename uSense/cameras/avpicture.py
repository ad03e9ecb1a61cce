"""Video frames as a picture, converted by swscale when and as small as it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uSense.cameras.base import LUMA_SIDE
from uSense.core.models import Gray, Rgb, Size
from uSense.imaging import fitted

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray

_GRAY_FIRST = {
    "gray", "nv12", "nv21", "yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p",
}  # fmt: skip
"""Pixel formats whose first plane is the gray picture, a byte a pixel."""


class AvPicture:
    """A video frame, upright: turned as the recording says, and mirrored as told.

    `small` is the same view at the same moment in fewer pixels, and is used wherever it has enough of them.
    """

    def __init__(
        self, frame: VideoFrame, small: VideoFrame | None = None, *, hflip: bool = False, vflip: bool = False
    ) -> None:
        self._frame = frame
        self._small = small
        self._turns = round(frame.rotation / 90) % 4
        self._steps = (-1 if vflip else 1, -1 if hflip else 1)
        self._rgb: Rgb | None = None

    @property
    def size(self) -> Size:
        return self._upright((self._frame.width, self._frame.height))

    def rgb(self, fit: Size | None = None) -> Rgb:
        # Kept, because what is searched for faces and what they are cut from is often the same.
        if self._rgb is None or self._rgb.shape[1::-1] != fitted(self.size, fit):
            self._rgb = self._converted("rgb24", fit)
        return self._rgb

    def gray(self, fit: Size | None = None) -> Gray:
        return self._converted("gray8", fit)

    def luma(self) -> Gray:
        """A few of the pixels, in gray: cheap enough for every frame."""
        frame = self._small or self._frame
        step = -(-max(frame.width, frame.height) // LUMA_SIDE)
        if frame.format.name not in _GRAY_FIRST or frame.planes[0].line_size < frame.width:
            return self._converted("gray8", (LUMA_SIDE, LUMA_SIDE), "POINT")
        plane = frame.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return self._turned(rows[: frame.height : step, : frame.width : step])

    def _converted(self, pixels: str, fit: Size | None, interpolation: str = "AREA") -> NDArray[np.uint8]:
        width, height = self._upright(fitted(self.size, fit))
        small = self._small
        enough = small is not None and small.width >= width and small.height >= height
        source = small if small is not None and enough else self._frame
        # One thread: more of them cost more to start than they save at these sizes.
        frame = source.reformat(width, height, pixels, interpolation=interpolation, threads=1)
        return np.ascontiguousarray(self._turned(np.asarray(frame.to_ndarray(), np.uint8)))

    def _upright(self, size: Size) -> Size:
        return size[::-1] if self._turns % 2 else size

    def _turned(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        turned = np.rot90(pixels, self._turns) if self._turns else pixels
        return turned[:: self._steps[0], :: self._steps[1]]
