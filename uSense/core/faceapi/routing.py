"""Which call an address means: words in any case, ids as they are, doubled slashes and escapes as clients send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import unquote

from uSense.core.faceapi.arguments import plain
from uSense.core.faceapi.faults import FAMILIES

VERSIONS = ("v1.0", "v1.0-preview", "v1.1-preview.1", "v1.2-preview.1", "v1.2", "v1.3-preview.1")

Ids: TypeAlias = Mapping[str, str]
"""What stands in an address in place of `{kind}`, `{group}`, `{person}` and `{face}`."""

_IN_QUERY = {"person": "personid", "face": "persistedfaceid"}


def parts(path: str) -> tuple[str, ...]:
    """What stands between the slashes of a path as it was sent."""
    return tuple(plain(unquote(part, errors="replace")) for part in path.split("/") if part)


def version(found: Sequence[str]) -> str | None:
    """The version of the contract that an address asks for; None if it asks for something else."""
    if len(found) < 2 or found[0].lower() != "face":  # noqa: PLR2004 - `face`, and the version
        return None
    return next((known for known in VERSIONS if known == found[1].lower()), None)


def match(pattern: str, found: Sequence[str]) -> Ids | None:
    """The ids if the address, from behind the version on, is of this pattern, such as `{kind}/{group}/persons`."""
    words = pattern.split("/")
    if len(words) != len(found):
        return None
    ids = {}
    for word, part in zip(words, found, strict=True):
        if not word.startswith("{"):
            if word != part.lower():
                return None
        elif word != "{kind}":
            ids[word[1:-1]] = part
        elif part.lower() in FAMILIES:
            ids["kind"] = part.lower()
        else:
            return None
    return ids


def by_query(ids: Ids, query: Mapping[str, str]) -> Ids:
    """The ids with those in the query in their place, as clients of 2018 that never filled in their paths need it."""
    names = dict(_IN_QUERY)
    if "kind" in ids:
        names["group"] = FAMILIES[ids["kind"]].field.lower()
    return {name: query.get(names.get(name, ""), "") or value for name, value in ids.items()}
