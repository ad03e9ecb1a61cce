"""Every error uSense raises on purpose, ordered by what its catcher does next.

UsenseError
├── SettingsError            fix the settings; the process ends with exit code 2
│   └── InstanceError        another service has the prefix or the data folder; the same
├── RequestError             the asker is told; carries a `code` for machines
│   ├── BadImageError        this picture is refused, the rest of the job goes on
│   ├── NotFoundError        person, face or camera that does not exist
│   └── ConflictError        refused because of what is there already
│       └── GalleryChangedError  a gallery is built again from the faces kept now
├── CameraError              the camera loop reopens the camera after a pause
│   ├── CameraAbsentError    there is none of this kind: the automatic camera looks for another kind
│   └── CameraFinished       a recording or folder that is not looped was shown: nothing is reopened
├── CameraStuckError         a camera's driver hangs: the process ends with exit code 1, only a restart helps
├── ModelError               a model file is missing or unusable; the process ends with exit code 2
│   └── DetectorError        the same of a detector's
├── RecognizerError          the batcher keeps the faces and asks again after a pause
├── NotUndoneError           whoever asked is told what to delete
├── DownloadError            a file could not be fetched or is not the right one; the command fails
├── StuckError               a thread hangs for good: the process ends with exit code 1, to be started again
├── StorageError             the data folder cannot be used; says what to do
│   ├── StorageDamagedError      the database is damaged: it is moved aside, and a backup takes its place
│   └── StorageMendedError       what was asked was lost with a damaged database; the next request works again
└── BrokerError              the MQTT session is opened again after a pause
    ├── BrokerRefusedError   wrong password or not allowed: retried slowly, said loudly
    └── NoAnswerError        a command that nobody answered
"""

from __future__ import annotations

from collections.abc import Iterable


class UsenseError(Exception):
    """Root of all expected errors; its text is a sentence for people."""


class SettingsError(UsenseError):
    """The settings are wrong: names the path of the setting and what to do."""


class InstanceError(SettingsError):
    """Another service already is what this one wants to be."""


class RequestError(UsenseError):
    """A request cannot be fulfilled; `code` is stable for machines, the text is for people."""

    code = "bad_request"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class BadImageError(RequestError):
    """A picture that cannot be used; `source` names it, `code` is the reason in one word."""

    code = "bad_image"

    def __init__(self, source: str, reason: str, *, code: str | None = None) -> None:
        super().__init__(f"{source}: {reason}", code=code)
        self.source = source
        self.reason = reason


class NotFoundError(RequestError):
    """Something named in a request does not exist."""

    code = "not_found"

    def __init__(self, kind: str, name: str, there: Iterable[str] = ()) -> None:
        known = ", ".join(there)
        super().__init__(f"there is no {kind} {name!r}" + (f"; known: {known}" if known else ""))
        self.kind = kind
        self.name = name


class ConflictError(RequestError):
    """A request that what is already there forbids."""

    code = "conflict"


class GalleryChangedError(ConflictError):
    """Faces were added or dropped, perhaps by another process, since a gallery was built from them."""

    code = "gallery_changed"

    def __init__(self) -> None:
        super().__init__("people or faces were changed during the training; train again when that is done")


class CameraError(UsenseError):
    """A camera that cannot be opened or stopped delivering; worth another try later."""

    def __init__(self, camera: str, reason: str) -> None:
        super().__init__(f"camera {camera}: {reason}")
        self.camera = camera
        self.reason = reason


class CameraAbsentError(CameraError):
    """A camera that is not there, or whose software is not."""


class CameraFinished(CameraError):  # noqa: N818 - it is the end of a recording, not a fault
    """A camera that has shown all it had, as its settings wanted it; the camera loop ends quietly."""


class CameraStuckError(UsenseError):
    """A camera whose driver never gives it back; no other attempt of this process can succeed."""

    def __init__(self, camera: str, problem: str) -> None:
        super().__init__(
            f"camera {camera}: {problem}; only a restart of uSense helps, and if that does not, one of the machine"
        )
        self.camera = camera
        self.problem = problem


class ModelError(UsenseError):
    """A model that cannot be opened: missing, wrong or unreadable file; says what to do."""


class DetectorError(ModelError):
    """A detector that cannot be built: missing, wrong or unreadable model."""


class RecognizerError(UsenseError):
    """The recognizer cannot answer now; the faces wait."""


class NotUndoneError(UsenseError):
    """Something failed, and not all that was done before it could be undone: says why, and what is left."""


class DownloadError(UsenseError):
    """A file cannot be fetched or written, or is not what it should be."""


class StuckError(UsenseError):
    """A part of the service does not answer any more, and only a new process can help."""


class StorageError(UsenseError):
    """The data folder, the key file or the database cannot be used."""


class StorageDamagedError(StorageError):
    """The database is not what uSense wrote."""


class StorageMendedError(StorageError):
    """The database was damaged, and another one is in its place now."""


class BrokerError(UsenseError):
    """The broker is not reachable or the connection broke."""


class BrokerRefusedError(BrokerError):
    """The broker answered and said no."""


class NoAnswerError(BrokerError):
    """No running service answered a command."""

    def __init__(self, command: str, seconds: float) -> None:
        super().__init__(f"no running service answered {command!r} within {seconds:g} s; see `usense doctor`")
