"""`face/*` and `train`: what persons are recognized by."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

from pydantic import Field, model_validator

from uSense.commands.base import FACE_ID, PICTURE, VISITOR_ID, Command, Example, ImageBytes, Line
from uSense.commands.people import Nothing, Who, full_data
from uSense.control import Control, training_data
from uSense.payloads.people import FaceKept, PersonDetails
from uSense.payloads.training import Training
from uSense.payloads.visitors import VisitorFacesKept
from uSense.schema import Branch
from uSense.visitor_naming import add_visitor


class Add(Branch):
    """A face of one person: in a picture, of a camera, or as it was kept of a visitor."""

    person_id: str = Field(max_length=512)
    """Id or name of the person."""
    image: ImageBytes | None = None
    """The picture: base64 in JSON, or the payload itself on `face/add/<person_id>`."""
    camera: str | None = Field(default=None, max_length=100)
    """Camera whose next picture is taken."""
    visitor_id: str | None = Field(default=None, max_length=100)
    """Visitor whose kept faces are added."""
    force: bool = False
    """Keep the face even if it looks like somebody else's."""

    @model_validator(mode="after")
    def _one_source(self) -> Add:
        if [self.image, self.camera, self.visitor_id].count(None) != 2:  # noqa: PLR2004 - of three
            raise ValueError("needs one of image, camera and visitor_id")
        return self


class Delete(Who):
    """One face of a person."""

    face_id: str = Field(max_length=512)
    """Id of the face, from `person/list`."""


async def add(control: Control, asked: Add) -> dict[str, Any]:
    """Keep a face; it counts from the next training on."""
    if asked.visitor_id is not None:
        return asdict(await add_visitor(control, asked.person_id, asked.visitor_id, force=asked.force))
    if asked.camera is not None:
        shot = await control.shot(asked.camera)
        added = await control.add_picture(asked.person_id, shot.rgb, asked.camera, force=asked.force)
    else:
        added = await control.add_face(asked.person_id, asked.image or b"", "image", force=asked.force)
    return {**asdict(added), "quality": round(added.quality, 2)}


async def delete(control: Control, asked: Delete) -> dict[str, Any]:
    """Drop one face; takes effect at the next training."""
    person = await control.delete_face(asked.person_id, asked.face_id)
    return full_data(person)


async def train(control: Control, _: Nothing) -> dict[str, Any]:
    """Fix a new gallery from all kept faces and use it."""
    return training_data(await control.train())


async def status(control: Control, _: Nothing) -> dict[str, Any]:
    """Whether a training is running, or how the last one ended."""
    return training_data(await control.training())


ADD = Command(
    name="face/add",
    payload=Add,
    run=add,
    raw="image",
    rest="person_id",
    about="Keep a face for a person, from a picture, a camera or a visitor; it counts from the next training on.",
    reply=FaceKept | VisitorFacesKept,
    examples=(
        Example({"person_id": "Bea", "image": PICTURE, "force": True}),
        Example({"person_id": "Bea", "image": PICTURE}, code="wrong_person"),
        Example(base64.b64decode(PICTURE), rest="Anna"),
        Example({"image": PICTURE}, rest="Anna"),
        Example({"person_id": "Anna", "image": PICTURE}, rest="Bea", code="bad_payload"),
        Example({"person_id": "Bea", "visitor_id": VISITOR_ID}),
        Example({"person_id": "Bea", "visitor_id": "1"}, code="not_found"),
        Example({"person_id": "Bea", "camera": "hall", "force": True}),
        Example({"person_id": "Bea", "camera": "attic"}, code="not_found"),
        Example({"person_id": "Anna", "camera": "hall", "image": PICTURE}, code="bad_payload"),
        Example({"person_id": "Anna"}, code="bad_payload"),
        Example({"person_id": "Anna", "image": PICTURE, "visitor_id": VISITOR_ID}, code="bad_payload"),
        Example({"person_id": "Anna", "image": "?"}, code="bad_payload"),
        Example({"person_id": "Anna", "image": "anBlZw=="}, code="not_an_image"),
        Example({"person_id": "Carl", "image": PICTURE}, code="not_found"),
    ),
)
DELETE = Command(
    name="face/delete",
    payload=Delete,
    run=delete,
    about="Drop one face; takes effect at the next training.",
    reply=PersonDetails,
    examples=(
        Example({"person_id": "Anna", "face_id": FACE_ID}),
        Example({"person_id": "Anna"}, code="bad_payload"),
        Example({"person_id": "Anna", "face_id": "1"}, code="not_found"),
    ),
)
TRAIN = Command(
    name="train",
    payload=Nothing,
    run=train,
    about="Fix a new gallery from all kept faces and use it.",
    reply=Training,
    examples=(Example(), Example("{}"), Example("PRESS", code="bad_json"), Example({"fast": True}, code="bad_payload")),
)
STATUS = Command(
    name="train/status",
    payload=Nothing,
    run=status,
    line=Line.PROMPT,
    about="Whether a training is running, or how the last one ended.",
    reply=Training,
    examples=(Example(), Example("[]", code="bad_payload")),
)
