"""`enroll/*`: guided enrollment at a camera."""

from __future__ import annotations

from typing import Any

from pydantic import Field, StrictBool

from uSense.commands.base import Command, Example, Line
from uSense.commands.people import Nothing
from uSense.control import Control
from uSense.payloads.enrolling import EnrollmentCanceled, EnrollmentStarted
from uSense.schema import Branch


class Start(Branch):
    """Somebody in front of a camera."""

    name: str = Field(max_length=512)
    """Name of the person, or id of one who gets further faces."""
    camera: str = Field(default="", max_length=100)
    """Name of the camera; may be left out if there is only one."""
    force: StrictBool = False
    """Keep the faces even if they look like somebody else who is enrolled, or unlike the person's others."""


async def start(control: Control, asked: Start) -> dict[str, Any]:
    """Begin to enroll somebody."""
    begun = await control.guide.start(asked.name, asked.camera, force=asked.force)
    return {
        "enrollment_id": begun.enrollment_id,
        "camera": begun.camera,
        "name": begun.name,
        "person_id": begun.person_id,
        "steps": control.guide.rules.steps,
    }


async def cancel(control: Control, _: Nothing) -> dict[str, Any]:
    """End the enrollment that is under way."""
    return {"enrollment_id": control.guide.cancel()}


START = Command(
    name="enroll/start",
    payload=Start,
    run=start,
    scalar="name",
    line=Line.ENROLLING,
    about="Enroll the person in front of a camera, who is told what to do ([enrollment.md](enrollment.md)).",
    reply=EnrollmentStarted,
    examples=(
        Example("Clara"),
        Example({"name": "Clara", "camera": "hall"}),
        Example({"name": "Anna", "force": True}),
        Example({"camera": "hall"}, code="bad_payload"),
        Example({"name": "Clara", "camera": "attic"}, code="not_found"),
        Example({"name": "unknown"}, code="bad_name"),
    ),
)
CANCEL = Command(
    name="enroll/cancel",
    payload=Nothing,
    run=cancel,
    line=Line.ENROLLING,
    about="End the guided enrollment that is under way; nothing is saved.",
    reply=EnrollmentCanceled,
    examples=(Example(), Example({"name": "Clara"}, code="bad_payload")),
)
