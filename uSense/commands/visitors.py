"""`visitor/*` and `sighting/reject`: unknown people who come again, and names that were wrong."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import asdict
from typing import Any

from pydantic import Field, model_validator

from uSense import imaging
from uSense.commands.base import OTHER_VISITOR_ID, VISITOR_ID, Command, Example
from uSense.control import Control
from uSense.core.errors import RequestError
from uSense.core.models import Probe
from uSense.payloads.visitors import SightingRejected, VisitorDeleted, VisitorNamed, VisitorSummary
from uSense.schema import Branch
from uSense.visitor_naming import name_visitor, visiting
from uSense.visitor_telling import visitor_data
from uSense.visitors import Visiting

EVENT_ID = "01a2043f-b35c-7b49-a8d1-c88369ceec8e"
"""Stands in examples for the id of a sighting of Anna."""
_THUMBNAIL = 6_000
"""Bytes of a thumbnail at most."""


class Which(Branch):
    """A visitor."""

    visitor_id: str = Field(max_length=100)
    """Id of the visitor."""


class Listing(Branch):
    """All visitors, or one."""

    visitor_id: str = Field(default="", max_length=100)
    """Id of the only visitor asked for."""
    images: bool = False
    """Show the best face of each, as JPEG, base64."""


class Name(Which):
    """Who a visitor is: somebody new, or somebody who is enrolled."""

    name: str | None = None
    """Name of the new person."""
    person_id: str | None = Field(default=None, max_length=512)
    """Id or name of the enrolled person."""
    force: bool = False
    """Enroll the faces even if they look like somebody else's."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Name:
        if (self.name is None) == (self.person_id is None):
            raise ValueError("needs either name (of somebody new) or person_id (of somebody enrolled)")
        return self


class Merge(Which):
    """Two visitors who are one."""

    into: str = Field(max_length=100)
    """Id of the visitor who gets visits and faces, and stays."""


class Ignore(Which):
    """Whether a visitor is told."""

    ignored: bool = True
    """`false` tells their sightings again."""


class Reject(Branch):
    """A sighting that named the wrong person."""

    event_id: str = Field(max_length=100)
    """Id of the sighting, from `usense/identity`."""
    rejected: bool = True
    """`false` takes the rejection back."""


async def listing(control: Control, asked: Listing) -> list[dict[str, Any]]:
    """Who was here more than once, seen last first."""
    visitors = visiting(control)
    found = [visitors.find(asked.visitor_id)] if asked.visitor_id else visitors.everybody()
    images = {one.visitor_id: await _thumbnail(visitors, one.visitor_id) for one in found} if asked.images else {}
    return [
        visitor_data(one) | ({"image": images[one.visitor_id]} if images.get(one.visitor_id) else {}) for one in found
    ]


async def name(control: Control, asked: Name) -> dict[str, Any]:
    """Make a visitor a person."""
    who = asked.name if asked.name is not None else asked.person_id or ""
    return asdict(await name_visitor(control, asked.visitor_id, who, new=asked.person_id is None, force=asked.force))


async def merge(control: Control, asked: Merge) -> dict[str, Any]:
    """Make two visitors one."""
    return visitor_data(await visiting(control).merge(asked.visitor_id, asked.into))


async def ignore(control: Control, asked: Ignore) -> dict[str, Any]:
    """Do not tell a visitor any more."""
    return visitor_data(await visiting(control).ignore(asked.visitor_id, ignored=asked.ignored))


async def delete(control: Control, asked: Which) -> dict[str, Any]:
    """Forget a visitor."""
    return {"visitor_id": (await visiting(control).delete(asked.visitor_id)).visitor_id}


async def reject(control: Control, asked: Reject) -> dict[str, Any]:
    """This was somebody else."""
    rejecting = visiting(control).rejecting
    done = await (rejecting.reject if asked.rejected else rejecting.allow)(asked.event_id)
    return {**asdict(done), "rejected": asked.rejected}


async def _thumbnail(visitors: Visiting, visitor_id: str) -> str | None:
    try:
        (probe,) = await visitors.probes(visitor_id, most=1)
    except RequestError:
        return None
    return base64.b64encode(await asyncio.to_thread(_face, probe)).decode()


def _face(probe: Probe) -> bytes:
    return imaging.jpeg_within(probe.crop, _THUMBNAIL)[0]


LIST = Command(
    name="visitor/list",
    payload=Listing,
    run=listing,
    scalar="visitor_id",
    about="Unknown people who were here more than once, seen last first ([visitors.md](visitors.md)).",
    reply=list[VisitorSummary],
    examples=(
        Example(),
        Example({"images": True}),
        Example(VISITOR_ID),
        Example({"visitor_id": "1"}, code="not_found"),
        Example({"image": True}, code="bad_payload"),
    ),
)
NAME = Command(
    name="visitor/name",
    payload=Name,
    run=name,
    about="Say who a visitor is: the faces that were kept of them are enrolled, and the gallery is trained.",
    reply=VisitorNamed,
    examples=(
        Example({"visitor_id": VISITOR_ID, "name": "Carl"}),
        Example({"visitor_id": VISITOR_ID, "person_id": "Bea"}),
        Example({"visitor_id": VISITOR_ID, "name": "Bea"}, code="name_taken"),
        Example({"visitor_id": VISITOR_ID, "person_id": "Carl"}, code="not_found"),
        Example({"visitor_id": "1", "name": "Carl"}, code="not_found"),
        Example({"visitor_id": VISITOR_ID}, code="bad_payload"),
        Example({"visitor_id": VISITOR_ID, "name": "Carl", "person_id": "Bea"}, code="bad_payload"),
    ),
)
MERGE = Command(
    name="visitor/merge",
    payload=Merge,
    run=merge,
    about="Make two visitors one: the second gets visits and faces and stays, the first is gone.",
    reply=VisitorSummary,
    examples=(
        Example({"visitor_id": OTHER_VISITOR_ID, "into": VISITOR_ID}),
        Example({"visitor_id": VISITOR_ID, "into": VISITOR_ID}, code="same_visitor"),
        Example({"visitor_id": VISITOR_ID, "into": "1"}, code="not_found"),
        Example({"visitor_id": VISITOR_ID}, code="bad_payload"),
    ),
)
IGNORE = Command(
    name="visitor/ignore",
    payload=Ignore,
    run=ignore,
    scalar="visitor_id",
    about="Do not tell the sightings of a visitor any more, or with `ignored: false` tell them again.",
    reply=VisitorSummary,
    examples=(
        Example(VISITOR_ID),
        Example({"visitor_id": VISITOR_ID, "ignored": False}),
        Example({"visitor_id": "1"}, code="not_found"),
        Example({}, code="bad_payload"),
    ),
)
DELETE = Command(
    name="visitor/delete",
    payload=Which,
    run=delete,
    scalar="visitor_id",
    about="Erase everything that is kept of a visitor, at once.",
    reply=VisitorDeleted,
    examples=(Example(VISITOR_ID), Example("1", code="not_found"), Example({}, code="bad_payload")),
)
REJECT = Command(
    name="sighting/reject",
    payload=Reject,
    run=reject,
    scalar="event_id",
    about="This was somebody else: the face is not given that name again, and the name is taken back at once.",
    reply=SightingRejected,
    examples=(
        Example({"event_id": EVENT_ID}),
        Example(EVENT_ID),
        Example({"event_id": EVENT_ID, "rejected": False}, code="not_rejected"),
        Example({"event_id": "1"}, code="not_found"),
        Example({}, code="bad_payload"),
    ),
)
