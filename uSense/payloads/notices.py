"""What is told on `usense/event`: a model for each type, without the `type` and `at` that all have, and one line."""

from __future__ import annotations

from typing import Literal

from uSense.payloads.enrolling import EnrollFinished, EnrollPrompt
from uSense.payloads.people import FaceKept, Receipt
from uSense.payloads.presence import PersonArrived, PersonLeft
from uSense.payloads.training import Training
from uSense.payloads.visitors import NewVisitor, VisitorExpired, VisitorHasName
from uSense.schema import Branch


class EnrollProgress(FaceKept):
    """A face was kept."""

    source: str
    """Name of the file or of the camera it came from."""


class TrainStarted(Branch):
    """A training began."""


class TrainFailed(Branch):
    """A training failed; the gallery before it stays in use."""

    state: Literal["failed"]
    """How it ended."""
    message: str
    """What went wrong, in plain words."""


class TrainToldLate(Branch):
    """A training whose process ended before it could tell; the reply to `train/status` has the rest."""

    state: Literal["succeeded"]
    """How it ended."""
    gallery: int
    """Number of the gallery version."""
    persons: int | None = None
    """Persons in the gallery; left out if that version is gone."""
    faces: int | None = None
    """Faces in the gallery; left out if that version is gone."""
    seconds: float | None = None
    """Seconds that the training took; left out if that version is gone."""


class PersonErased(Receipt):
    """A person was erased; without the name, as it waits on disk until the broker has it."""

    person_id: str
    """Id that the person had."""


class PersonMerged(Branch):
    """Two persons became one."""

    person_id: str
    """Id of the person who is gone."""
    into: str
    """Id of the person who stays."""
    faces: int
    """Number of faces that the latter has now."""


class GalleryRenewing(Branch):
    """Templates for another model are being made from kept crops."""

    model: str
    """Model that gets templates."""
    faces: int
    """Faces that have some by now."""
    total: int
    """Faces that will get some."""
    failed: int
    """Faces of which the crop cannot be used."""


class GalleryRenewed(GalleryRenewing):
    """Templates for another model were made."""

    seconds: float
    """Seconds that it took, with the training after it."""


class Named(Branch):
    """A person."""

    person_id: str
    """Id of the person."""
    name: str
    """Name of the person."""


class GalleryEnrollAgain(Branch):
    """Nothing is kept of some people that the model in use can compare."""

    model: str
    """The model in use."""
    people: list[Named]
    """Who has to be enrolled again."""


class StorageHealed(Branch):
    """Faces that could not be decrypted any more were taken out."""

    people: list[Named]
    """Persons of whom some are gone."""
    served: int
    """Persons of served groups of whom some are gone."""
    refilled: int
    """Parts that came from a backup."""


class StorageDamaged(Branch):
    """The database was damaged and another one is in its place."""

    moved_to: str
    """Folder of the damaged one."""
    restored_from: str | None
    """Time of the backup that was restored; null if there was none."""
    people: int
    """Persons in it."""


class CameraLost(Branch):
    """A camera sends no pictures any more."""

    camera: str
    """Name of the camera."""
    reason: str
    """Why, in plain words."""


class CameraBack(Branch):
    """A camera that was lost sends pictures again."""

    camera: str
    """Name of the camera."""


class TrackUndecided(Branch):
    """Why somebody was not recognized."""

    camera: str
    """Name of the camera."""
    track_id: str
    """Id of the track."""
    seconds: float
    """Seconds since it began."""
    looks: int
    """Looks at the face that were counted."""
    gone: bool
    """Whether the person is out of sight."""
    reason: str
    """The reason in one word."""
    message: str
    """The same in plain words."""
    size: float | None
    """Pixels of the face from side to side."""
    quality: float | None
    """How usable the best look was, 0 to 1."""
    name: str | None
    """Name of the nearest person."""
    score: float | None
    """Similarity to that person."""
    runner_up: float | None
    """Similarity to the next best person."""
    missing: float | None
    """What the score, or for `between_two` the lead, is short of."""


class CommandIgnored(Branch):
    """A retained request was not carried out."""

    command: str
    """Name of the command."""
    reason: str
    """Why, in plain words."""


NOTICES: dict[str, tuple[type[Branch], ...]] = {
    "enroll.progress": (EnrollProgress,),
    "enroll.prompt": (EnrollPrompt,),
    "enroll.finished": (EnrollFinished,),
    "train.started": (TrainStarted,),
    "train.finished": (Training, TrainFailed, TrainToldLate),
    "person.arrived": (PersonArrived,),
    "person.left": (PersonLeft,),
    "person.erased": (PersonErased,),
    "person.merged": (PersonMerged,),
    "gallery.renewing": (GalleryRenewing,),
    "gallery.renewed": (GalleryRenewed,),
    "gallery.enroll_again": (GalleryEnrollAgain,),
    "storage.healed": (StorageHealed,),
    "storage.damaged": (StorageDamaged,),
    "camera.lost": (CameraLost,),
    "camera.back": (CameraBack,),
    "track.undecided": (TrackUndecided,),
    "visitor.new": (NewVisitor,),
    "visitor.named": (VisitorHasName,),
    "visitor.expired": (VisitorExpired,),
    "command.ignored": (CommandIgnored,),
}
"""Every type of event, with the models of which its data are one."""
