"""What the service says of itself, as its settings have it."""

from __future__ import annotations

import json
from typing import Any

from uSense import __version__
from uSense.core.topics import Topics
from uSense.entities.discovery import Site
from uSense.entities.payload import Context
from uSense.log import mask
from uSense.ports import Detector, Recognizer
from uSense.settings import Settings


def context(settings: Settings, recognizer: Recognizer) -> Context:
    """What surrounds all messages."""
    return Context(
        instance=settings.instance,
        recognizer=recognizer.kind,
        model=recognizer.model,
        topics=Topics(settings.mqtt.prefix),
        name_topic=settings.mqtt.effective_name_topic,
        lifetime=settings.mqtt.identity_lifetime,
        strangers=recognizer.rules.strangers,
    )


def site(settings: Settings) -> Site:
    """What Home Assistant is told about."""
    return Site(
        instance=settings.instance,
        version=__version__,
        topics=settings.mqtt.topics,
        snapshots=settings.mqtt.snapshots,
        least_threshold=settings.recognizer.least_threshold,
        unsigned=frozenset(settings.commands.unsigned) if settings.commands.require_signature else None,
    )


def info(settings: Settings, recognizer: Recognizer, detector: Detector) -> dict[str, Any]:
    """The value of `usense/info`."""
    return {
        "instance": settings.instance,
        "version": __version__,
        "recognizer": recognizer.kind,
        "model": recognizer.model,
        "detector": detector.model,
        "cameras": list(settings.cameras),
        "settings": json.loads(mask(settings.model_dump_json())),
    }
