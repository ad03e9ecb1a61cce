"""The drawn room in which the demo's people appear; nothing in it is a photo."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFilter

from uSense.core.models import Size

SIZE: Size = (640, 480)
SUPER = 2
"""Drawn larger by this factor and shrunk, for smooth edges."""
BLUR = 1.6
"""Out of focus, as the background of a camera that looks at people, in pixels."""
BOOKS = ("#7d3b34", "#c9a24b", "#3f5d52", "#8a8f95", "#2f4560", "#b0653a", "#d8cfbd", "#5b3a57")


def draw() -> Image.Image:
    """The empty room, RGB."""
    canvas = Image.new("RGB", (SIZE[0] * SUPER, SIZE[1] * SUPER))
    _wall(canvas)
    pen = _Pen(canvas)
    _floor(pen)
    _door(pen)
    _window(pen)
    _shelf(pen)
    _plant(pen)
    return canvas.resize(SIZE, Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(BLUR))


class _Pen:
    """Draws in pixels of the finished picture."""

    def __init__(self, canvas: Image.Image) -> None:
        self._draw = ImageDraw.Draw(canvas)

    def box(self, x0: float, y0: float, x1: float, y1: float, color: str) -> None:
        self._draw.rectangle([value * SUPER for value in (x0, y0, x1, y1)], fill=color)

    def oval(self, x0: float, y0: float, x1: float, y1: float, color: str) -> None:
        self._draw.ellipse([value * SUPER for value in (x0, y0, x1, y1)], fill=color)

    def shape(self, points: list[tuple[float, float]], color: str) -> None:
        self._draw.polygon([(x * SUPER, y * SUPER) for x, y in points], fill=color)


def _wall(canvas: Image.Image) -> None:
    """Brighter towards the window on the right."""
    ramp = Image.linear_gradient("L").rotate(90).resize(canvas.size)
    dark, bright = Image.new("RGB", canvas.size, "#97a08f"), Image.new("RGB", canvas.size, "#d3d4c0")
    canvas.paste(Image.composite(bright, dark, ramp))


def _floor(pen: _Pen) -> None:
    pen.box(0, 400, 640, 480, "#8b6a4c")
    for x in range(-400, 1100, 75):
        pen.shape([(320 + (x - 320) * 0.8, 400), (x, 480), (x + 3, 480), (322 + (x - 320) * 0.8, 400)], "#76583e")
    pen.box(0, 388, 640, 401, "#e6e2d6")


def _door(pen: _Pen) -> None:
    pen.box(38, 62, 186, 400, "#e9e5da")
    pen.box(50, 74, 174, 400, "#a9825a")
    for top, bottom in ((94, 214), (236, 376)):
        pen.box(68, top, 156, bottom, "#94704c")
        pen.box(73, top + 5, 151, bottom - 5, "#a07a53")
    pen.oval(158, 232, 169, 243, "#d9c27a")


def _window(pen: _Pen) -> None:
    pen.box(452, 46, 604, 226, "#f1eee6")
    for row in range(160):
        blue = 236 - row // 4
        pen.box(462, 56 + row, 594, 57 + row, f"#{150 + row // 2:02x}{195 + row // 5:02x}{blue:02x}")
    pen.shape([(462, 216), (462, 186), (500, 170), (545, 182), (594, 164), (594, 216)], "#8da387")
    pen.box(525, 56, 531, 216, "#f1eee6")
    pen.box(462, 130, 594, 135, "#f1eee6")
    pen.box(444, 224, 612, 234, "#fbf9f3")
    pen.shape([(430, 40), (468, 40), (462, 150), (440, 250), (428, 250)], "#b9674f")
    pen.shape([(590, 40), (628, 40), (630, 250), (618, 250), (596, 150)], "#b9674f")


def _shelf(pen: _Pen) -> None:
    for level in (132, 214):
        pen.box(226, level, 398, level + 8, "#6f5238")
        x = 236
        for index in range(9):
            tall, wide = 34 + (index * 13 + level) % 22, 9 + (index * 7 + level) % 8
            pen.box(x, level - tall, x + wide, level, BOOKS[(index + level) % len(BOOKS)])
            x += wide + (12 if index == 5 else 2)  # noqa: PLR2004 - one gap in the row of books


def _plant(pen: _Pen) -> None:
    for tip, width in ((410, 12), (432, 14), (455, 16), (478, 14), (500, 12)):
        pen.shape([(452, 372), (tip - width, 300), (tip, 262), (tip + width, 300), (462, 372)], "#4d6b45")
    pen.shape([(428, 352), (486, 352), (478, 408), (436, 408)], "#c2b8a6")
