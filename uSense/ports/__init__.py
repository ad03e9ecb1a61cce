"""The seams of uSense: what the pipeline and the use cases need from the outside."""

from uSense.ports.groups import Groups
from uSense.ports.happenings import Happenings
from uSense.ports.messages import Journal, Notebook, Outbox
from uSense.ports.people import (
    Archive,
    Arrival,
    Backup,
    House,
    Pages,
    Parcel,
    ParcelFace,
    Restored,
    Snap,
    Template,
    Vault,
)
from uSense.ports.twins import TwinFace, TwinPerson, Twins
from uSense.ports.vision import AddedFace, Camera, Detector, Habits, Recognizer
from uSense.ports.visitors import Keep, KeptFace, Visitors

__all__ = [
    "AddedFace",
    "Archive",
    "Arrival",
    "Backup",
    "Camera",
    "Detector",
    "Groups",
    "Habits",
    "Happenings",
    "House",
    "Journal",
    "Keep",
    "KeptFace",
    "Notebook",
    "Outbox",
    "Pages",
    "Parcel",
    "ParcelFace",
    "Recognizer",
    "Restored",
    "Snap",
    "Template",
    "TwinFace",
    "TwinPerson",
    "Twins",
    "Vault",
    "Visitors",
]
