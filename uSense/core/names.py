"""What a person may be called, and which names count as the same."""

from __future__ import annotations

import unicodedata

from uSense.core.errors import RequestError

NAME_LENGTH = 120
USER_DATA_BYTES = 16 * 1024
_REFUSED = {"Cc", "Cs", "Zl", "Zp"}


def clean_name(name: str) -> str:
    """The name in NFC without space around it; RequestError `bad_name` if people could not read or tell it."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    kinds = [unicodedata.category(character) for character in cleaned]
    if not any(kind[0] in "LNPS" for kind in kinds):
        raise RequestError("a name needs at least one visible character", code="bad_name")
    if len(cleaned) > NAME_LENGTH:
        raise RequestError(f"a name may have {NAME_LENGTH} characters, not {len(cleaned)}", code="bad_name")
    if not _REFUSED.isdisjoint(kinds):
        raise RequestError("a name may not contain line breaks or other control characters", code="bad_name")
    return cleaned


def folded_name(name: str) -> str:
    """The same text for all names that differ only in case or in how accents are encoded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def clean_user_data(user_data: str) -> str:
    """`user_data` as it is; RequestError `bad_user_data` if it is too long or not Unicode text."""
    try:
        size = len(user_data.encode())
    except UnicodeEncodeError as error:
        raise RequestError("user_data is not valid Unicode text", code="bad_user_data") from error
    if size > USER_DATA_BYTES:
        raise RequestError(f"user_data may have {USER_DATA_BYTES} bytes, not {size}", code="bad_user_data")
    return user_data
