"""What a request says, checked as the service checks it: raises Fault in its words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from uSense.core.faceapi import faults
from uSense.core.faceapi.faults import FAMILIES, Fault
from uSense.core.faceapi.lenient import Body
from uSense.core.groups import GroupKey
from uSense.core.models import Box, Size

Query: TypeAlias = Mapping[str, str]
"""The query of an address, its names in lower case."""

NAME_LENGTH = 128
USER_DATA_BYTES = 16 * 1024
FACE_USER_DATA_BYTES = 1024
START_LENGTH = 64
MOST_LISTED = 1000

_GROUP_ID = re.compile(r"[a-z0-9_-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,18}")


def plain(text: str) -> str:
    """The text as Unicode can carry it: halves of surrogate pairs that stand alone are replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def query(pairs: Iterable[tuple[str, str]]) -> Query:
    """The last value of each name; names in lower case, because the service does not tell their case apart."""
    return {name.lower(): plain(value) for name, value in pairs}


def flag(given: Query, name: str, *, default: bool) -> bool:
    """True or false in any case."""
    text = given.get(name.lower(), "").strip().lower()
    if text not in {"", "true", "false"}:
        raise faults.invalid(name)
    return text == "true" if text else default


def choice(given: Query | Body, name: str, allowed: Iterable[str], *, default: str) -> str:
    """One of the words `allowed`, in any case."""
    value = given.get(name.lower())
    if value is None or value == "":
        return default
    if not isinstance(value, str):
        raise faults.bad_body()
    for word in allowed:
        if word.lower() == value.strip().lower():
            return word
    raise faults.invalid(name)


def page(given: Query) -> tuple[str, int]:
    """`start` and `top` of a list."""
    start = given.get("start", "")
    if len(start) > START_LENGTH:
        raise faults.too_long("start")
    top = whole(given.get("top") or MOST_LISTED, 1, MOST_LISTED, lambda: faults.invalid("top"))
    return start, top


def whole(value: object, least: int, most: int, otherwise: Callable[[], Fault]) -> int:
    """A whole number, also given as text."""
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise otherwise()
    return value


def share(value: object, name: str) -> float:
    """A number from 0 to 1, also given as text such as `.5`."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise faults.not_valid(name) from None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1 or math.isnan(value):
        raise faults.not_valid(name)
    return float(value)


def text(given: Body, name: str) -> str | None:
    """A text of a body; null is the same as nothing."""
    value = given.get(name.lower())
    if value is None:
        return None
    if not isinstance(value, str):
        raise faults.bad_body()
    return plain(value)


def person_name(given: Body, *, needed: bool) -> str | None:
    """`name`, of 1 to 128 characters."""
    value = text(given, "name")
    if value is None and not needed:
        return None
    if not value:
        raise faults.empty("name")
    if len(value) > NAME_LENGTH:
        raise faults.too_long("name")
    return value


def user_data(value: str | None, most: int = USER_DATA_BYTES) -> str | None:
    """`userData`, of so many bytes."""
    if value is not None and len(value.encode()) > most:
        raise faults.too_long("userData")
    return value


def face_ids(given: Body, least: int, most: int) -> list[str]:
    """The list `faceIds`."""
    value = given.get("faceids")
    if value is None:
        value = []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise faults.bad_body()
    if not least <= len(value) <= most:
        raise faults.length("faceIds")
    return [str(one).strip().lower() for one in value]


def detected_id(given: Body, name: str) -> str:
    """A faceId from detect."""
    value = text(given, name)
    if value is None or not _UUID.fullmatch(value.strip()):
        raise faults.invalid_id("Face")
    return value.strip().lower()


def scope(given: Body) -> GroupKey:
    """The one group that a body names."""
    ids = {family.kind: found for family in FAMILIES.values() if (found := text(given, family.field))}
    if not ids:
        raise faults.no_scope()
    if len(ids) > 1:
        raise faults.two_scopes()
    ((kind, group_id),) = ids.items()
    return group_key(kind, group_id)


def group_key(kind: str, group_id: str) -> GroupKey:
    """The group of this family and id."""
    family = FAMILIES[kind]
    if not _GROUP_ID.fullmatch(group_id):
        raise family.invalid_id()
    return GroupKey(family.kind, group_id)


def person_id(value: str) -> str:
    """The id of a person of a group."""
    if not _UUID.fullmatch(value):
        raise faults.person_id_invalid()
    return value.lower()


def kept_face_id(value: str) -> str:
    """The id of a face of a person."""
    if not _UUID.fullmatch(value):
        raise faults.kept_face_id_invalid()
    return value.lower()


def target(given: Query, size: Size) -> Box | None:
    """`targetFace=left,top,width,height` inside a picture of this size."""
    value = given.get("targetface", "").strip()
    if not value:
        return None
    parts = [part.strip() for part in value.split(",")]
    if len(parts) != 4 or not all(_WHOLE.fullmatch(part) for part in parts):  # noqa: PLR2004 - the four of them
        raise faults.invalid_argument("targetFace")
    left, top, width, height = map(int, parts)
    fits = left >= 0 and top >= 0 and left + width <= size[0] and top + height <= size[1]
    if not fits or width < 1 or height < 1:
        raise faults.out_of_range("targetFace")
    return Box(left, top, left + width, top + height)
