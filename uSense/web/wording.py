"""What happened, in the words and numbers that pages show."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uSense.core.events import Sighting
from uSense.entities.identity import IdentityPayload, payload
from uSense.times import rfc3339

if TYPE_CHECKING:
    from uSense.web.house import House


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting as a page shows it; `sure` is a key of the texts."""

    payload: IdentityPayload
    name: str
    at: str
    clock: str
    sure: str
    percent: int | None
    face: str
    """Address of the face; empty if it is not kept any more."""
    said: bool
    """Whether somebody said later who it was; the numbers are of what was decided before."""


def seen(sighting: Sighting, house: House) -> Seen:
    """A sighting, with the face if there still is one."""
    told = payload(sighting, house.context, time.monotonic())
    has_face = sighting.seq in house.hub.portraits
    return Seen(
        payload=told,
        name=told.name or "",
        at=rfc3339(sighting.captured_at),
        clock=time.strftime("%H:%M:%S", time.localtime(sighting.captured_at)),
        sure=told.assurance.value,
        percent=told.percent,
        face=f"/api/v1/sightings/{told.event_id}/face" if has_face else "",
        said=sighting.event_id in house.hub.said,
    )
