"""`identify` and `verify`: questions about pictures."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from pydantic import Field, model_validator

from uSense import imaging
from uSense.commands.base import PICTURE, Command, Example, ImageBytes
from uSense.control import Control, Found
from uSense.payloads.pictures import Comparison, FoundFaces
from uSense.schema import Branch


class Identify(Branch):
    """A picture with any number of faces."""

    image: ImageBytes
    """The picture: base64 in JSON, or the payload itself."""


class Verify(Branch):
    """Two pictures, or a picture and a person."""

    image: ImageBytes
    """The first picture, base64."""
    other: ImageBytes | None = None
    """The second picture, base64."""
    person_id: str | None = Field(default=None, max_length=512)
    """Id or name of the person to compare with, instead of a second picture."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Verify:
        if (self.other is None) == (self.person_id is None):
            raise ValueError("needs either other (a second picture) or person_id")
        return self


def found_data(found: Found) -> dict[str, Any]:
    """A judged face as JSON; the box in pixels."""
    box = found.box
    candidates = found.answer.candidates if found.answer else ()
    return {
        "box": {"x": round(box.x0), "y": round(box.y0), "w": round(box.width), "h": round(box.height)},
        "person_id": found.person_id,
        "name": found.name,
        "reason": found.reason,
        "quality": round(found.quality.value, 2),
        "candidates": [
            {"person_id": candidate.person_id, "name": candidate.name, "score": round(candidate.score, 3)}
            for candidate in candidates
        ],
    }


async def identify(control: Control, asked: Identify) -> dict[str, Any]:
    """Who is in a picture."""
    picture = await asyncio.to_thread(imaging.decode, asked.image, "image")
    return {"faces": [found_data(found) for found in await control.identify(picture)]}


async def verify(control: Control, asked: Verify) -> dict[str, Any]:
    """Whether two pictures, or a picture and a person, are the same."""
    picture = await asyncio.to_thread(imaging.decode, asked.image, "image")
    if asked.other is not None:
        other = await asyncio.to_thread(imaging.decode, asked.other, "other")
        same, score = await control.verify(picture, other, ("image", "other"))
    else:
        same, score = await control.verify_person(picture, asked.person_id or "", "image")
    return {"same": same, "score": round(score, 3), "threshold": control.recognizer.rules.threshold}


IDENTIFY = Command(
    name="identify",
    payload=Identify,
    run=identify,
    raw="image",
    about="Who is in a picture, by one look at each face.",
    reply=FoundFaces,
    examples=(
        Example({"image": PICTURE}),
        Example(base64.b64decode(PICTURE)),
        Example("", code="bad_payload"),
        Example("not a picture", code="not_an_image"),
    ),
)
VERIFY = Command(
    name="verify",
    payload=Verify,
    run=verify,
    about="Whether two pictures, or a picture and a person, show the same face.",
    reply=Comparison,
    examples=(
        Example({"image": PICTURE, "person_id": "Anna"}),
        Example({"image": PICTURE, "other": PICTURE}),
        Example({"image": PICTURE}, code="bad_payload"),
        Example({"image": PICTURE, "other": PICTURE, "person_id": "Anna"}, code="bad_payload"),
        Example({"image": PICTURE, "person_id": "Bea"}, code="not_trained"),
    ),
)
