"""What a person may be called, and which names count as the same."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection

from uSense.core.errors import RequestError

NAME_LENGTH = 120
USER_DATA_BYTES = 16 * 1024
RESERVED = frozenset({"unknown", "unavailable", "none"})
"""What uSense and Home Assistant say where there is no name."""

_REFUSED = {"Cc", "Zl", "Zp"}
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = frozenset("\u200c\u200d")
"""Invisible, but Persian, Indic scripts and emoji are not written right without them."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc")
"""Letters and signs that show nothing."""
_SELECTORS = frozenset(map(chr, (*range(0x180B, 0x180F), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_UNSEEN = _JOINERS | _BLANK | _SELECTORS
_PERSON_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def clean_name(name: str) -> str:
    """The name as people see it, in NFC; RequestError `bad_name` if they could not read it, or would mistake it.

    Invisible characters are dropped, except the joiners that scripts and emoji need. Topics are made of ids, not of
    names, so `/`, `+` and `#` are letters like others.
    """
    seen = (letter for letter in name if letter in _JOINERS | _TURNING or unicodedata.category(letter) != "Cf")
    cleaned = unicodedata.normalize("NFC", "".join(seen)).strip()
    if len(cleaned) > NAME_LENGTH:
        raise _bad(f"a name may have {NAME_LENGTH} characters, not {len(cleaned)}: shorten it")
    kinds = {letter: unicodedata.category(letter) for letter in cleaned}
    if not any(kind[0] in "LNPS" for letter, kind in kinds.items() if letter not in _BLANK):
        raise _bad("a name needs at least one visible character")
    for letter, kind in kinds.items():
        if kind == "Cs":
            raise _bad("a name is text in UTF-8: check the terminal's or program's encoding")
        if kind in _REFUSED:
            raise _bad(f"a name has no line breaks or control characters: leave out U+{ord(letter):04X}")
        if letter in _TURNING:
            raise _bad(f"a name does not turn the direction of writing: leave out U+{ord(letter):04X}")
    word = unicodedata.normalize("NFKC", folded_name(cleaned))
    if word in RESERVED:
        raise _bad(f"{word!r} is what is told where there is no name: choose another one")
    if _PERSON_ID.fullmatch(word):
        raise _bad("a name must not look like a person_id: choose another one")
    return cleaned


def folded_name(name: str) -> str:
    """The same text for all names that differ only in case, in space, in how accents are encoded, or invisibly."""
    seen = "".join(letter for letter in name if letter not in _UNSEEN)
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", seen).casefold())
    return " ".join(folded.split())


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it if it is among the folded names that are `taken`; RequestError `bad_name`."""
    name = clean_name(name)
    endings = itertools.chain([""], (f" ({number})" for number in itertools.count(2)))
    names = (name[: NAME_LENGTH - len(ending)] + ending for ending in endings)
    return next(one for one in names if folded_name(one) not in taken)


def clean_user_data(user_data: str) -> str:
    """`user_data` as it is; RequestError `bad_user_data` if it is too long or not Unicode text."""
    try:
        size = len(user_data.encode())
    except UnicodeEncodeError as error:
        raise RequestError("user_data is not valid Unicode text", code="bad_user_data") from error
    if size > USER_DATA_BYTES:
        raise RequestError(f"user_data may have {USER_DATA_BYTES} bytes, not {size}", code="bad_user_data")
    return user_data


def _bad(reason: str) -> RequestError:
    return RequestError(reason, code="bad_name")
