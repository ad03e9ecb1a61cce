"""The tree: the only place that names all branches."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from uSense import schema
from uSense.cameras import AnyCamera
from uSense.cameras.auto import AutoSettings
from uSense.core.announcing import AnnounceRules
from uSense.core.explaining import ExplainRules
from uSense.core.presence import PresenceRules
from uSense.core.protection import ProtectionRules
from uSense.core.quality import QualityRules
from uSense.core.tracking import TrackingRules
from uSense.core.visitors import VisitorRules
from uSense.core.voting import VotingRules
from uSense.detectors import AnyDetector
from uSense.detectors.hog import HogSettings
from uSense.faceapi.settings import FaceApiSettings
from uSense.mqtt.authority import CommandSettings
from uSense.mqtt.settings import DiscoverySettings, MqttSettings
from uSense.pipeline import PipelineSettings
from uSense.recognizers import AnyRecognizer
from uSense.recognizers.local import LocalSettings
from uSense.schema import Branch, Mark, Name
from uSense.storage.settings import GallerySettings
from uSense.web.settings import WebSettings


def _instance() -> str:
    return schema.slug(socket.gethostname()) or "usense"


def _data_dir() -> Path:
    return platformdirs.user_data_path("usense")


def _whichever_is_found() -> dict[Name, AnyCamera]:
    return {"main": AutoSettings()}


def _hog_unless_told(value: object) -> object:
    return {"kind": "hog", **value} if isinstance(value, Mapping) else value


def _local_unless_told(value: object) -> object:
    return {"kind": "local", **value} if isinstance(value, Mapping) else value


class LogSettings(Branch):
    """What is logged to stderr, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged: debug, info, warning or error."""
    format: Literal["auto", "console", "json"] = "auto"
    """`console` for people, `json` one object a line; `auto` is console on a terminal."""


class Settings(Branch):
    """All settings of uSense; relative paths start at the folder of the file in which they stand."""

    instance: Name = Field(default_factory=_instance)
    """Name of this uSense in client id and events, from a-z, 0-9, `_` and `-`; by default made from the host name."""
    data_dir: Annotated[Path, Mark.FOLDER] = Field(default_factory=_data_dir)
    """Folder of the gallery, its key and everything else that is kept; by default the user's data folder."""
    mqtt: MqttSettings = MqttSettings()
    """The broker, and what is told there."""
    discovery: DiscoverySettings = DiscoverySettings()
    """What Home Assistant is told, so that it finds uSense by itself."""
    commands: CommandSettings = CommandSettings()
    """Who may command by MQTT."""
    cameras: dict[Name, AnyCamera] = Field(default_factory=_whichever_is_found)
    """The cameras, each under its name of a-z, 0-9, `_` and `-`; by default one, `main`, of kind auto."""
    detector: Annotated[AnyDetector, BeforeValidator(_hog_unless_told)] = HogSettings()
    """What finds faces: `hog` or `yunet`; by default yunet once `usense models fetch yunet` has its weights."""
    recognizer: Annotated[AnyRecognizer, BeforeValidator(_local_unless_told)] = LocalSettings()
    """What knows whose face it is: `local`, or `azure`, which sends faces to Azure Face."""
    gallery: GallerySettings = GallerySettings()
    """What is kept of people beside their templates."""
    quality: QualityRules = QualityRules()
    """Which faces are good enough to be compared."""
    tracking: TrackingRules = TrackingRules()
    """Following faces from picture to picture."""
    voting: VotingRules = VotingRules()
    """When the looks at a face suffice for a decision."""
    announce: AnnounceRules = AnnounceRules()
    """How often somebody is announced."""
    presence: PresenceRules = PresenceRules()
    """When somebody is there, and when they are not any more."""
    explain: ExplainRules = ExplainRules()
    """When it is told why somebody was not recognized."""
    visitors: VisitorRules = VisitorRules()
    """How long unknown people are remembered, and when one is taken for the same."""
    pipeline: PipelineSettings = PipelineSettings()
    """How much is done at once."""
    protection: ProtectionRules = ProtectionRules()
    """When cameras are looked at less often, so that the machine stays cool and has power and memory."""
    face_api: FaceApiSettings = FaceApiSettings()
    """The Azure Face contract, served to programs that were written for it."""
    web: WebSettings = WebSettings()
    """The pages for people, and what programs of the house ask over HTTP."""
    health_every: float = Field(default=30, ge=1, le=3600)
    """Seconds between two messages on `usense/health`."""
    log: LogSettings = LogSettings()
    """Logging."""

    @field_validator("discovery")
    @classmethod
    def _elsewhere(cls, discovery: DiscoverySettings, info: ValidationInfo) -> DiscoverySettings:
        own = info.data["mqtt"].prefix if "mqtt" in info.data else None
        if own is not None and f"{discovery.prefix}/".startswith(f"{own}/"):
            raise ValueError("'prefix' must lie outside of mqtt.prefix: it is Home Assistant's part of the broker")
        return discovery

    @field_validator("presence")
    @classmethod
    def _rooms_elsewhere(cls, presence: PresenceRules, info: ValidationInfo) -> PresenceRules:
        own = info.data["mqtt"].prefix if "mqtt" in info.data else None
        if own is not None and f"{presence.room_topic}/".startswith(f"{own}/"):
            raise ValueError("'room_topic' must lie outside of mqtt.prefix: it would be one of uSense's own topics")
        return presence
