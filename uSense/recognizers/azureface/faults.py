"""From what Azure answers to an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable

from uSense.recognizers.azureface.errors import (
    AzureFaceError,
    FaceMissingError,
    FullError,
    GroupExistsError,
    GroupMissingError,
    ModelMismatchError,
    NotApprovedError,
    NotTrainedError,
    PersonMissingError,
    PictureError,
    RateLimitedError,
    TrainingError,
    UnreachableError,
    WrongKeyError,
)
from uSense.recognizers.azureface.wire import Fault, Reply, fault

BUSY = 429
_UNKNOWN_KEY, _FORBIDDEN, _TIMED_OUT = 401, 403, 408
_MOVED = range(300, 400)
_BROKEN = range(500, 600)
_BY_CODE: tuple[tuple[str, type[AzureFaceError], str], ...] = (
    ("GroupNotFound", GroupMissingError, "the person group does not exist at Azure: train to make it"),
    ("GroupNotTrained", NotTrainedError, "the person group at Azure was never trained: train first"),
    ("GroupTrainingNotFinished", TrainingError, "the person group at Azure is being trained: try again in a moment"),
    ("GroupExists", GroupExistsError, "the person group exists at Azure already"),
    ("PersonNotFound", PersonMissingError, "the person does not exist at Azure any more"),
    ("FaceNotFound", FaceMissingError, "the face does not exist at Azure any more"),
    ("QuotaExceeded", FullError, "the Azure resource is full ({text})"),
    ("InvalidImage", PictureError, "Azure cannot use the picture ({text})"),
)
"""By the end of the service's code, or its begin for pictures: `PersonGroup...` and `LargePersonGroup...` are alike."""
CONFLICT = "ConcurrentOperationConflict"
"""Somebody else changes the same person right now."""


class ConflictingError(AzureFaceError):
    """Refused because of another change under way; nothing was done."""


def error(operation: str, reply: Reply, key: str) -> AzureFaceError:
    """What an answer other than success means."""
    said = fault(reply)
    said = Fault(said.code, said.message.replace(key, "***") if key else said.message, said.inner)
    text = said.text or f"HTTP {reply.status}"
    make = _by_status(reply, said) or _by_code(said)
    if make is not None:
        kind, words = make
        return kind(words.format(text=text), status=reply.status, request_id=reply.request_id)
    if reply.status == _TIMED_OUT or reply.status in _BROKEN:
        words = f"Azure has trouble of its own ({text})"
        return UnreachableError(words, done=True, status=reply.status, request_id=reply.request_id)
    return AzureFaceError(f"Azure refused {operation}: {text}", status=reply.status, request_id=reply.request_id)


_Made = tuple[Callable[..., AzureFaceError], str]


def _by_status(reply: Reply, said: Fault) -> _Made | None:
    if reply.status == BUSY:
        return RateLimitedError, "Azure takes no more calls at the moment ({text})"
    if reply.status == _UNKNOWN_KEY:
        return WrongKeyError, (
            "Azure does not know this key at this address: see that the key is one of the resource's two, "
            "and that the endpoint is the one shown beside it, with the same region"
        )
    if reply.status == _FORBIDDEN and "UnsupportedFeature" in {said.code, said.inner}:
        return NotApprovedError, (
            "this Azure resource may not identify people: Microsoft must approve it (https://aka.ms/facerecognition), "
            "and only in the tiers S0 and E0"
        )
    if reply.status in _MOVED:
        return AzureFaceError, "the Azure endpoint points elsewhere: see that it is the address shown for the resource"
    if reply.status == 404 and said.code in {"404", ""}:  # noqa: PLR2004 - not found
        return AzureFaceError, "there is no Azure Face at this address: see the endpoint"
    return None


def _by_code(said: Fault) -> _Made | None:
    if "recognitionModel" in said.message and "incompatible" in said.message:  # its code is that of all bad arguments
        return ModelMismatchError, "the person group at Azure was made with another recognition_model"
    if said.code == CONFLICT:
        return ConflictingError, "another program is changing the same person at Azure: try again"
    for word, kind, words in _BY_CODE:
        if said.code.endswith(word) or (kind is PictureError and said.code.startswith(word)):
            return kind, words
    return None
