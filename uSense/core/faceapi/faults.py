"""Every refusal of the Face contract, in the words of the service.

Programs match on status and code; people who search the web find the message.
"""

# ruff: noqa: D103 - what a function returns is said by the words in it

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from uSense.core.errors import RequestError
from uSense.core.groups import GroupKind

_KEY = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
_UNSUPPORTED = "Feature is not supported, missing approval for one or more of the following features: {}."


class Fault(RequestError):  # noqa: N818 - it is a reply, which is raised
    """A refusal: the status of the reply and what its body says; `inner` is the code and message of `innererror`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        inner: tuple[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.message = message
        self.inner = inner
        self.retry_after = retry_after

    def body(self) -> dict[str, object]:
        """What the reply says."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.inner is not None:
            error["innererror"] = {"code": self.inner[0], "message": self.inner[1]}
        return {"error": error}


# The gateway


def no_key() -> Fault:
    return Fault(HTTPStatus.UNAUTHORIZED, "401", _KEY)


def no_resource() -> Fault:
    return Fault(HTTPStatus.NOT_FOUND, "404", "Resource not found")


def too_fast(seconds: int) -> Fault:
    words = f"Rate limit is exceeded. Try again in {seconds} second{'' if seconds == 1 else 's'}."
    return Fault(HTTPStatus.TOO_MANY_REQUESTS, "429", words, retry_after=seconds)


def too_slow() -> Fault:
    return Fault(HTTPStatus.REQUEST_TIMEOUT, "OperationTimeOut", "Request Timeout.")


def unavailable(why: str) -> Fault:
    return Fault(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", why, retry_after=5)


def media_type() -> Fault:
    return Fault(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "BadArgument", "Invalid Media Type.")


def unsupported(features: str) -> Fault:
    """Something that the service gives only by arrangement; as it, with 403."""
    inner = ("UnsupportedFeature", _UNSUPPORTED.format(features))
    return Fault(HTTPStatus.FORBIDDEN, "InvalidRequest", "Invalid request has been sent.", inner=inner)


# Arguments


def bad_argument(message: str) -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "BadArgument", message)


def bad_body() -> Fault:
    return bad_argument("Request body is invalid.")


def not_json() -> Fault:
    return bad_argument("JSON parsing error.")


def invalid(name: str) -> Fault:
    return bad_argument(f"'{name}' is invalid.")


def empty(name: str) -> Fault:
    return bad_argument(f"'{name}' is empty.")


def too_long(name: str) -> Fault:
    return bad_argument(f"'{name}' is too long.")


def nothing_given() -> Fault:
    return bad_argument("Both 'name' and 'userData' are empty.")


def invalid_argument(name: str) -> Fault:
    return bad_argument(f"Invalid argument {name}.")


def not_valid(name: str) -> Fault:
    return bad_argument(f"The argument {name} is not valid.")


def out_of_range(name: str) -> Fault:
    return bad_argument(f"Argument {name} out of range.")


def length(name: str) -> Fault:
    return bad_argument(f"The length of {name} is not in a valid range.")


def not_by(name: str, model: str) -> Fault:
    """`name` is not given with this detection or recognition model."""
    return bad_argument(f"'{name}' is not supported by {model}.")


def models_differ() -> Fault:
    return bad_argument("'recognitionModel' is incompatible.")


def invalid_id(what: str) -> Fault:
    return bad_argument(f"{what} ID is invalid.")


# Pictures


def undecodable() -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "InvalidImage", "Decoding error, image format unsupported.")


def no_face() -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "InvalidImage", "No face detected in the image.")


def many_faces() -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "InvalidImage", "There is more than 1 face in the image.")


def picture_size(how: Literal["small", "big"]) -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "InvalidImageSize", f"Image size is too {how}.")


def bad_url(why: str = "") -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "InvalidURL", f"Invalid image URL.{why and ' '}{why}")


# Faces that were detected


def face_not_found(status: int = HTTPStatus.BAD_REQUEST) -> Fault:
    """A faceId that is unknown or has expired; verify says 404 where the others say 400."""
    return Fault(status, "FaceNotFound", "Face is not found.")


def face_list_not_found() -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "FaceListNotFound", "Face list is not found.")


# Groups


@dataclass(frozen=True, slots=True)
class Family:
    """One of the two kinds of groups: how it is called in paths, codes, fields and messages."""

    kind: GroupKind
    code: str
    words: str

    @property
    def field(self) -> str:
        """The name of its id in bodies."""
        return f"{self.code[0].lower()}{self.code[1:]}Id"

    def invalid_id(self) -> Fault:
        return invalid_id(self.words)

    def missing(self, status: int = HTTPStatus.NOT_FOUND) -> Fault:
        return Fault(status, f"{self.code}NotFound", f"{self.words} is not found.")

    def exists(self) -> Fault:
        return Fault(HTTPStatus.CONFLICT, f"{self.code}Exists", f"{self.words} already exists.")

    def not_trained(self, status: int) -> Fault:
        """404 of its training, 400 of identify."""
        return Fault(status, f"{self.code}NotTrained", f"{self.words} not trained.")

    def in_training(self) -> Fault:
        return Fault(HTTPStatus.CONFLICT, f"{self.code}TrainingNotFinished", f"{self.words} is under training.")

    def full(self, of: str) -> Fault:
        """`of` is the code of the storage's ConflictError."""
        group = self.words[0].lower() + self.words[1:]
        words = {
            "too_many_groups": f"{self.words} number reached subscription level limit.",
            "too_many_persons": f"Person number reached {group} level limit.",
        }
        text = words.get(of, "Persisted face number reached limit.")
        return Fault(HTTPStatus.FORBIDDEN, "QuotaExceeded", text)


FAMILIES = {
    "persongroups": Family("persongroups", "PersonGroup", "Person group"),
    "largepersongroups": Family("largepersongroups", "LargePersonGroup", "Large person group"),
}
"""By the word of the path."""


def no_scope() -> Fault:
    code = "PersonGroupIdAndLargePersonGroupIdBothNull"
    return Fault(HTTPStatus.BAD_REQUEST, code, "Large person group ID and person group ID are both null.")


def two_scopes() -> Fault:
    code = "PersonGroupIdAndLargePersonGroupIdBothNotNull"
    return Fault(HTTPStatus.BAD_REQUEST, code, "Large person group ID and person group ID are both not null.")


def person_not_found(person_id: str) -> Fault:
    return Fault(HTTPStatus.NOT_FOUND, "PersonNotFound", f"Person {person_id} is not found.")


def person_id_invalid() -> Fault:
    return Fault(HTTPStatus.NOT_FOUND, "PersonNotFound", "Person ID is invalid.")


def kept_face_not_found(face_id: str) -> Fault:
    return Fault(HTTPStatus.NOT_FOUND, "PersistedFaceNotFound", f"Persisted face {face_id} is not found.")


def kept_face_id_invalid() -> Fault:
    return Fault(HTTPStatus.NOT_FOUND, "PersistedFaceNotFound", "Persisted face ID is invalid.")


def no_kept_face() -> Fault:
    """A person without a face cannot be compared."""
    return Fault(HTTPStatus.NOT_FOUND, "PersistedFaceNotFound", "Persisted face is not found.")
