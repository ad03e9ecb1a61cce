"""Reading what Azure Face answers, in the forms of ten years; values of other shapes raise ValueError."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from uSense.recognizers.azureface.account import (
    RemoteCandidate,
    RemoteFace,
    RemoteGroup,
    RemotePerson,
    RemoteTraining,
    unmarked,
)

_PAUSE = re.compile(r"(?i)(?:try again in|retry after)\s+(\d+)\s+second")
_REPLENISHED = re.compile(r"(?i)replenished in\s+(?:(\d+(?:\.\d+)?)\s+day|(?:(\d+)\.)?(\d+):(\d+):(\d+))")
_STATES = {"running": "running", "succeeded": "succeeded", "failed": "failed"}
_WAITING = {"notstarted", "nonstarted"}
_TEXT = 300
"""Letters of a foreign message that are passed on."""


@dataclass(frozen=True)
class Reply:
    """An answer of whatever kind, with its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def value(self) -> Any:
        """The body as JSON, None if it is empty."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    @property
    def request_id(self) -> str:
        """What Microsoft's support asks for."""
        return _plain(self.headers.get("apim-request-id", ""))

    @property
    def service(self) -> float:
        """Seconds that the backend worked on the call, 0 if it does not say."""
        text = self.headers.get("x-envoy-upstream-service-time", "")
        return int(text) / 1000 if text.isascii() and text.isdigit() and len(text) < 10 else 0.0  # noqa: PLR2004 - days

    @property
    def sent_at(self) -> float | None:
        """Wall-clock second at which the backend says it answered."""
        return _http_date(self.headers.get("Date", ""))


@dataclass(frozen=True, slots=True)
class Fault:
    """What an error's body says."""

    code: str = ""
    message: str = ""
    inner: str = ""

    @property
    def text(self) -> str:
        """For people."""
        return ": ".join(part for part in (self.inner or self.code, self.message) if part)


def fault(reply: Reply) -> Fault:
    """The error in any of its forms; of a body that is none at all, its beginning."""
    try:
        body = reply.value
    except ValueError:
        title = re.search(rb"(?is)<title>(.*?)</title>", reply.body[:10_000])
        text = title[1] if title else reply.body[:_TEXT]
        return Fault(message=_plain(text.decode(errors="replace")))
    if not isinstance(body, dict):
        return Fault(message=_plain(body) if isinstance(body, str) else "")
    error = body.get("error", body)
    if not isinstance(error, dict):
        return Fault(message=_plain(error))
    inner = error.get("innererror")
    inner = inner if isinstance(inner, dict) else {}
    message = inner.get("message") or error.get("message")
    return Fault(_plain(error.get("code") or error.get("statusCode")), _plain(message), _plain(inner.get("code")))


def pause(reply: Reply, message: str) -> float | None:
    """Seconds to wait as a refusal says, by its header or else by its text; None if it does not."""
    header = reply.headers.get("Retry-After", "").strip()
    try:
        seconds = float(header)
    except ValueError:
        at, now = _http_date(header), reply.sent_at
        seconds = at - now if at is not None and now is not None else -1.0
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    found = _PAUSE.search(message)
    return float(found[1]) if found and len(found[1]) < 10 else None  # noqa: PLR2004 - longer is no pause


def is_empty(message: str) -> bool:
    """Whether a 403 means that the month's calls are used up."""
    return "volume quota" in message.lower()


def replenished(message: str) -> float | None:
    """Days until there are calls again, as such a 403 says."""
    found = _REPLENISHED.search(message)
    if found is None:
        return None
    if found[1]:
        return float(found[1])
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    return days + (hours * 3600 + minutes * 60 + seconds) / 86_400


def faces(value: Any) -> list[RemoteFace]:
    """The answer of detect."""
    return [_face(_mapping(one)) for one in _items(value)]


def candidates(value: Any, face_ids: Iterable[str]) -> list[list[RemoteCandidate]]:
    """The answer of identify, in the order asked."""
    told = {identity(one, "faceId"): one.get("candidates") for one in _items(value)}
    return [[_candidate(_mapping(each)) for each in _items(told.get(face_id) or [])] for face_id in face_ids]


def confidence(value: Any) -> float:
    """The answer of verify."""
    return _number(_mapping(value).get("confidence"))


def group(value: Any) -> RemoteGroup:
    """A group; one that does not tell its model has the first."""
    body = _mapping(value)
    return RemoteGroup(str(body.get("name") or ""), str(body.get("recognitionModel") or "recognition_01"))


def persons(value: Any) -> list[RemotePerson]:
    """A page of persons."""
    return [person(one) for one in _items(value)]


def person(value: Any) -> RemotePerson:
    """A person with the faces kept."""
    body = _mapping(value)
    marker, user_data = unmarked(str(body.get("userData") or ""))
    face_ids = tuple(_text(each) for each in _items(body.get("persistedFaceIds") or []))
    return RemotePerson(identity(body, "personId"), str(body.get("name") or ""), user_data, face_ids, marker)


def marker(value: Any) -> str:
    """The marker of a kept face, empty if it has none."""
    return unmarked(str(_mapping(value).get("userData") or ""))[0]


def identity(value: Any, name: str) -> str:
    """The id under this name."""
    return _text(_mapping(value).get(name))


def training(value: Any) -> RemoteTraining:
    """A training; one that has not begun counts as running."""
    body = _mapping(value)
    word = str(body.get("status") or "").lower()
    state = "running" if word in _WAITING else _STATES.get(word)
    if state is None:
        raise ValueError(f"a training cannot be {word!r}")
    return RemoteTraining(state, _moment(body.get("lastSuccessfulTrainingDateTime")), _plain(body.get("message")))


def _face(body: Mapping[str, Any]) -> RemoteFace:
    box = _mapping(body.get("faceRectangle"))
    left, top, width, height = (round(_number(box.get(side))) for side in ("left", "top", "width", "height"))
    return RemoteFace(identity(body, "faceId"), left, top, width, height)


def _candidate(body: Mapping[str, Any]) -> RemoteCandidate:
    return RemoteCandidate(identity(body, "personId"), _number(body.get("confidence")))


def _moment(text: Any) -> float | None:
    """Wall-clock seconds of `2024-09-03T15:55:58.8061602Z` or of 2016's `10/15/2016 3:20:34 PM`."""
    if not isinstance(text, str):
        return None
    try:
        if "/" in text:
            return datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC).timestamp()
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _http_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - one error for all that does not fit
    return value


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("a list is expected")  # noqa: TRY004 - the same
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("an id is expected")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a number is expected")
    return float(value)


def _plain(text: Any) -> str:
    """One short line without control signs."""
    words = "".join(sign if sign.isprintable() else " " for sign in str(text or "")[: 4 * _TEXT])
    return " ".join(words.split())[:_TEXT]
