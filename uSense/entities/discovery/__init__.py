"""What Home Assistant finds of uSense, one file for each entity; this is the list of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from uSense.entities.discovery.base import Describe, Format, Kind, Payload, Place, Site, messages
from uSense.entities.discovery.house import house
from uSense.entities.discovery.image import image
from uSense.entities.discovery.last_name import last_name
from uSense.entities.discovery.last_seen import last_seen
from uSense.entities.discovery.memory import memory
from uSense.entities.discovery.pause import pause
from uSense.entities.discovery.people import people
from uSense.entities.discovery.presence import presence
from uSense.entities.discovery.problem import problem
from uSense.entities.discovery.recognition import recognition
from uSense.entities.discovery.strangers import strangers
from uSense.entities.discovery.temperature import temperature
from uSense.entities.discovery.threshold import threshold
from uSense.entities.discovery.train import train
from uSense.entities.discovery.where import where

__all__ = ["ENTITIES", "Format", "Kind", "Payload", "Place", "Site", "announced"]

ENTITIES: Mapping[Kind, Sequence[Describe]] = {
    Kind.SERVICE: (recognition, house, train, threshold, strangers, problem, temperature, memory),
    Kind.CAMERA: (people, last_seen, last_name, image, pause),
    Kind.PERSON: (presence, where),
}


def announced(style: Format, places: Sequence[Place], site: Site) -> dict[str, Payload]:
    """Everything that Home Assistant is told of these devices: payloads by topic without the prefix."""
    return messages(style, ENTITIES, places, site)
