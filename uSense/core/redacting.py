"""Text for strangers: without the names, ids, addresses and secrets of a house."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

_URL = re.compile(r"\b([a-z][a-z0-9+.-]{1,20})://([^\s\"'<>\\]+)", re.IGNORECASE)
_SECRET = re.compile(
    r"""((?:password|passwort|passwd|passphrase|secret|token|api[_-]?key|subscription[_-]?key|authorization|cookie|csrf)
    \\?["']?\s*[=:]\s*(?:(?:bearer|basic)\s+)?)(\\?")?(?(2)[^"\\]*|(?:'[^']*'|[^\s,;}&]+))""",
    re.IGNORECASE | re.VERBOSE,
)
"""What stands behind a word that announces a secret, with the quote before it."""
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.+/=-]{8,}", re.IGNORECASE)
_TOKEN = re.compile(r"\busense_[\w-]{8,}|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?|(?<![\w+=-])[\w+=-]{40,}(?![\w+=-])")
"""Tokens of ours, signed ones, and whatever is too long to be a word; pictures in base64 are made of such."""
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MAC = re.compile(r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b", re.IGNORECASE)
_IPV4 = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f:]*:[0-9a-f:.]*:[0-9a-f.]*(?:%\w+)?(?![\w:])", re.IGNORECASE)
_HOME = re.compile(r"(/home/|/Users/)[^/\s\"']+")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})", re.IGNORECASE)
_PERCENT = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_PLACEHOLDER = re.compile(r"(<(?:person|id|address) \d+>|<(?:token|mac|mail|house)>)")
_WHOLE = r"(?<![\w-])(?:{})(?![\w-])"
_MARKS = ".,;:!?)}"
"""What ends a sentence rather than an address."""
_OWN = frozenset({"localhost", "***", "usense", "raspberrypi", ""})


class Redactor:
    """Makes texts fit for a report of a bug. The same person, id or address has the same number everywhere.

    `people` are ids by names, `secrets` words that are never shown, `places` names of machines of the house.
    """

    def __init__(self, people: Mapping[str, str], secrets: Collection[str] = (), places: Collection[str] = ()) -> None:
        numbers = {person_id: number for number, person_id in enumerate(dict.fromkeys(people.values()), 1)}
        self._ids = {person_id.lower(): f"<person {number}>" for person_id, number in numbers.items()}
        self._words: dict[str, str] = {}
        self._parts: dict[str, str] = {}
        for name, person_id in people.items():
            self._learn(name, f"<person {numbers[person_id]}>")
        self._places = _longest_first(
            (place for place in places if place.lower() not in _OWN and not _is_own(place)),
            r"(?<![\w-])(?:{})(?![\w-])",
        )
        self._secrets = _longest_first({*secrets, *(json.dumps(secret)[1:-1] for secret in secrets)})
        self._uncased = _longest_first(self._parts)
        self._other: dict[str, int] = {}
        self._addresses: dict[str, int] = {}

    def clean(self, text: str) -> str:
        """The text without any of it."""
        text = unicodedata.normalize("NFC", _PERCENT.sub(_unquoted, _ESCAPED.sub(_unescaped, text)))
        if self._secrets:
            text = self._secrets.sub("***", text)
        text = _URL.sub(self._url, text)
        text = _SECRET.sub(_masked, text)
        text = _BEARER.sub(r"\1 ***", text)
        text = _UUID.sub(self._id, text)
        text = _TOKEN.sub("<token>", text)
        text = _MAIL.sub("<mail>", text)
        text = _MAC.sub("<mac>", text)
        text = _IPV6.sub(self._address, _IPV4.sub(self._address, text))
        text = _HOME.sub(r"\1***", text)
        if self._places:
            text = self._places.sub("<house>", text)
        pieces = _PLACEHOLDER.split(text)
        return "".join(piece if number % 2 else self._nameless(piece) for number, piece in enumerate(pieces))

    def _learn(self, name: str, shown: str) -> None:
        """Each word of a name counts; where words are not set apart, it is looked for inside of them, too."""
        for part in unicodedata.normalize("NFC", name).split():
            words = _WORD.findall(part)
            if not words or any(letter.lower() == letter.upper() for word in words for letter in word):
                self._parts[part] = shown
            for word in words:
                self._words[word.casefold()] = shown

    def _nameless(self, text: str) -> str:
        if self._uncased:
            text = self._uncased.sub(lambda found: self._parts.get(found[0], "<person>"), text)
        return _WORD.sub(lambda found: self._words.get(found[0].casefold(), found[0]), text)

    def _url(self, found: re.Match[str]) -> str:
        """Scheme and port stay; path and query of a camera hold its password as often as not."""
        text = found[0].rstrip(_MARKS)
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return f"{found[1]}://***"
        shown = self._host(host)
        shown = f"[{shown}]" if ":" in shown else shown
        rest = "/***" if parts.path.strip("/") or parts.query else ""
        return f"{found[1]}://{shown}{f':{port}' if port else ''}{rest}{found[0][len(text) :]}"

    def _host(self, host: str) -> str:
        if host in _OWN or _is_own(host):
            return host
        return f"<address {self._addresses.setdefault(host, len(self._addresses) + 1)}>"

    def _address(self, found: re.Match[str]) -> str:
        text = found[0].partition("%")[0].rstrip(".")
        try:
            ip_address(text)
        except ValueError:
            return found[0]
        return self._host(text) + found[0][len(found[0].rstrip(".")) :]

    def _id(self, found: re.Match[str]) -> str:
        word = found[0].lower()
        return self._ids.get(word) or f"<id {self._other.setdefault(word, len(self._other) + 1)}>"


def _longest_first(words: Iterable[str], around: str = "{}") -> re.Pattern[str] | None:
    """Finds any of these, with what has to stand around them; None if there are none."""
    ordered = sorted({word for word in words if word}, key=len, reverse=True)
    return re.compile(around.format("|".join(map(re.escape, ordered))), re.IGNORECASE) if ordered else None


def _masked(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2] or ''}***"


def _is_own(address: str) -> bool:
    """Whether it is this machine, or all of its addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def _unescaped(found: re.Match[str]) -> str:
    """A letter as JSON writes it; halves of pairs stay."""
    letter = chr(int(found[1], 16))
    return letter if letter.isalpha() else found[0]


def _unquoted(found: re.Match[str]) -> str:
    """Letters as addresses write them."""
    text = unquote(found[0], errors="replace")
    return text if text.isalpha() else found[0]
