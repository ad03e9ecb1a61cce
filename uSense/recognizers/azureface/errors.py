"""What can go wrong with Azure Face, ordered by what its catcher does next.

AzureFaceError             refused: nothing helps but another question
├── WrongKeyError          the key or the address is wrong: said loudly, tried again seldom
├── NotApprovedError       the resource may not identify: the same
├── UnreachableError       no answer, or none that means anything: tried again after a pause
│   └── RestingError       the same, and not even asked
├── RateLimitedError       too many calls at once: tried again soon
├── QuotaGoneError         no calls left; tells until when
├── GroupMissingError      the group must be made first
├── GroupExistsError       the group is there already
├── PersonMissingError     somebody deleted the person elsewhere
├── FaceMissingError       somebody deleted the face elsewhere, or a found face is too old
├── ModelMismatchError     the group was made with another recognition model
├── NotTrainedError        a training must be done first
├── TrainingError          a training is under way
├── FullError              the resource holds no more groups, people or faces
└── PictureError           this picture is no use, others may be
"""

from __future__ import annotations

from uSense.core.errors import RecognizerError


class AzureFaceError(RecognizerError):
    """A call that failed for good; `code` is stable for machines, the text is for people."""

    code = "refused"

    def __init__(self, message: str, *, status: int | None = None, request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class WrongKeyError(AzureFaceError):
    """Azure does not know the key at this address."""

    code = "wrong_key"


class NotApprovedError(AzureFaceError):
    """Azure does not let this resource identify people."""

    code = "not_approved"


class UnreachableError(AzureFaceError):
    """Azure gave no usable answer; it may have `done` what it was asked nevertheless."""

    code = "unreachable"

    def __init__(self, message: str, *, done: bool, status: int | None = None, request_id: str = "") -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.done = done


class RestingError(UnreachableError):
    """Azure was not asked at all, because it did not answer lately."""


class RateLimitedError(AzureFaceError):
    """Azure, or the line in front of it, takes no more calls now."""

    code = "rate_limited"


class QuotaGoneError(AzureFaceError):
    """There are no calls left until the wall-clock second `until`."""

    code = "quota_gone"

    def __init__(self, message: str, until: float, *, status: int | None = None, request_id: str = "") -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.until = until


class GroupMissingError(AzureFaceError):
    """The group does not exist."""

    code = "group_missing"


class GroupExistsError(AzureFaceError):
    """The group exists already."""

    code = "group_exists"


class PersonMissingError(AzureFaceError):
    """The person does not exist at Azure."""

    code = "person_missing"


class FaceMissingError(AzureFaceError):
    """The face does not exist at Azure."""

    code = "face_missing"


class ModelMismatchError(AzureFaceError):
    """Face and group were made with different models."""

    code = "model_mismatch"


class NotTrainedError(AzureFaceError):
    """The group was never trained."""

    code = "not_trained"


class TrainingError(AzureFaceError):
    """The group is being trained."""

    code = "training"


class FullError(AzureFaceError):
    """A limit of the resource is reached."""

    code = "full"


class PictureError(AzureFaceError):
    """The picture has no face, several, or cannot be read."""

    code = "bad_image"
