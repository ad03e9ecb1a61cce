"""A moving scene made from still photos: who is in the room at which second, and what a camera there would see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from uSense.core.models import Rgb, Size
from uSense.demo import portraits, room
from uSense.demo.portraits import EILEEN, GRACE, Portrait
from uSense.demo.room import SIZE

PERIOD = 24.0
"""Seconds after which the scene repeats."""
WALK = 1.5
"""Seconds from the edge of the picture to one's place, and back."""
OUTSIDE = {-1: -190.0, 1: 910.0}
"""Where the face of somebody is who waits just outside the picture, left and right."""
SPRITE_FACE = 130.0
"""Face height to which the cut-out photos are brought once."""
FEATHER = 1.3
SHADOW_STEP = 4
"""The shadow is soft: it is drawn in a picture smaller by this factor."""
NOISE = 5.0
NOISE_MARGIN = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One person's stay: seconds of the scene, side of the picture they use, where their face is then, in pixels."""

    who: Portrait
    enters: float
    leaves: float
    side: int
    x: float
    y: float
    height: float


VISITS = (
    Visit(who=GRACE, enters=0.3, leaves=6.0, side=-1, x=290, y=284, height=145),
    Visit(who=EILEEN, enters=7.0, leaves=12.4, side=1, x=330, y=190, height=122),
    Visit(who=EILEEN, enters=13.6, leaves=23.0, side=1, x=425, y=182, height=116),
    Visit(who=GRACE, enters=16.6, leaves=22.4, side=-1, x=185, y=298, height=132),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where somebody is at one moment: center and height of the face in pixels, and their tilt in degrees."""

    x: float
    y: float
    height: float
    angle: float


def pose(visit: Visit, now: float) -> Pose | None:
    """Where the visitor is at second `now` of the scene; None while out of the picture."""
    if not visit.enters < now < visit.leaves:
        return None
    inside = min(1.0, (now - visit.enters) / WALK, (visit.leaves - now) / WALK)
    away = 1.0 - inside * inside * (3 - 2 * inside)
    step = 5 * abs(math.sin(now * 7)) * (away > 0)
    return Pose(
        x=visit.x + (OUTSIDE[visit.side] - visit.x) * away + 16 * math.sin(now * 1.1),
        y=visit.y - step + 3 * math.sin(now * 1.7),
        height=visit.height * (1 + 0.09 * math.sin(now * 0.9 + visit.x)),
        angle=2.5 * math.sin(now * 1.3 + visit.y),
    )


@dataclass(frozen=True, slots=True)
class Sprite:
    """A person cut out of the photo, with a soft edge and a softer shadow; `face` is the face's center in it."""

    image: Image.Image
    shadow: Image.Image
    face: tuple[float, float]

    @classmethod
    def cut(cls, portrait: Portrait) -> Self:
        """Cut the person out along the outline and bring the face to a common height."""
        photo = portraits.photo(portrait)
        mask = Image.new("L", photo.size)
        ImageDraw.Draw(mask).polygon([int(value) for value in portrait.outline.replace(",", " ").split()], fill=255)
        mask = ImageChops.multiply(mask, mask.filter(ImageFilter.GaussianBlur(FEATHER * 2)))
        photo.putalpha(mask.filter(ImageFilter.GaussianBlur(FEATHER)))
        scale = SPRITE_FACE / portrait.height
        size = (round(photo.width * scale), round(photo.height * scale))
        image = photo.resize(size, Image.Resampling.LANCZOS)
        shadow = image.getchannel("A").filter(ImageFilter.GaussianBlur(14)).point(lambda value: value * 0.45)
        return cls(image, shadow, (portrait.face[0] * scale, portrait.face[1] * scale))

    def place(self, canvas: Image.Image, at: Pose) -> None:
        """Draw the person and the shadow to the left of them into `canvas`."""
        coarse = (SIZE[0] // SHADOW_STEP, SIZE[1] // SHADOW_STEP)
        shadow = self._seen(self.shadow, Pose(at.x - 26, at.y + 12, at.height, at.angle), coarse, SHADOW_STEP)
        canvas.paste((24, 22, 26), mask=shadow.resize(SIZE, Image.Resampling.BILINEAR))
        person = self._seen(self.image, at, SIZE, 1)
        canvas.paste(person, mask=person)

    def _seen(self, image: Image.Image, at: Pose, size: Size, step: int) -> Image.Image:
        """The cut-out as it lies in a canvas of `size`, whose pixels are `step` pixels of the picture wide."""
        scale = SPRITE_FACE / at.height
        cos, sin = scale * math.cos(math.radians(at.angle)), scale * math.sin(math.radians(at.angle))
        right = (cos * step, sin * step, self.face[0] - cos * at.x - sin * at.y)
        down = (-sin * step, cos * step, self.face[1] + sin * at.x - cos * at.y)
        return image.transform(size, Image.Transform.AFFINE, (*right, *down), Image.Resampling.BILINEAR)


@dataclass(frozen=True, slots=True)
class Scene:
    """The room and its people; `grain` and `sun` are larger than a picture and cut anew for each."""

    background: Image.Image
    sprites: dict[str, Sprite]
    grain: Image.Image
    sun: Image.Image

    @classmethod
    def build(cls) -> Self:
        """Load and cut the photos and draw the room; takes a moment: not for the event loop."""
        wide, high = SIZE[0] + NOISE_MARGIN, SIZE[1] + NOISE_MARGIN
        grain = np.random.default_rng(1).normal(128, NOISE, (high, wide, 3)).clip(0, 255)
        ramp = Image.linear_gradient("L").rotate(90).resize((SIZE[0] * 2, SIZE[1]))
        sun = ramp.point(lambda value: 178 + value * 0.3)
        return cls(
            room.draw(),
            {person.name: Sprite.cut(person) for person in (GRACE, EILEEN)},
            Image.fromarray(grain.astype(np.uint8)),
            Image.merge("RGB", (sun, sun, sun)),
        )

    def render(self, t: float) -> Rgb:
        """What the camera sees `t` seconds after the scene began, (480, 640, 3); before, the room is empty."""
        canvas = self.background.copy()
        for visit in VISITS:
            at = pose(visit, t % PERIOD) if t >= 0 else None
            if at is not None:
                self.sprites[visit.who.name].place(canvas, at)
        return np.asarray(self._through_the_camera(canvas, t))

    def _through_the_camera(self, canvas: Image.Image, t: float) -> Image.Image:
        """Clouds pass the window, the exposure follows, the sensor adds noise."""
        light = max(0.0, t)
        cloud = math.sin(light * 0.55)
        left = round(SIZE[0] * (0.5 + 0.5 * math.sin(light * 0.4)))
        lit = ImageChops.multiply(canvas, self.sun.crop((left, 0, left + SIZE[0], SIZE[1])))
        curve = [(value / 255) ** (1.0 - 0.12 * cloud) * 255 * (1.1 + 0.08 * cloud) for value in range(256)]
        warm = [[min(255, round(value * tint)) for value in curve] for tint in (1.02, 1.0, 0.97 - 0.02 * cloud)]
        lit = lit.point([value for channel in warm for value in channel])
        dx, dy = np.random.default_rng(round(abs(t) * 1000)).integers(0, NOISE_MARGIN, 2)
        grain = self.grain.crop((int(dx), int(dy), int(dx) + SIZE[0], int(dy) + SIZE[1]))
        return ImageChops.add(lit, grain, 1, -128)
