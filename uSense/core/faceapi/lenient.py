"""JSON as the service reads it: also with single quotes, as Python prints a dict, and with numbers like `.5`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn, TypeAlias

from uSense.core.faceapi import faults

Body: TypeAlias = dict[str, object]
"""An object with its names in lower case: the service does not tell their case apart."""

_DEEPEST = 16
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign>[{}\[\],:])
        | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
        | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
        | (?P<word>true|false|null|True|False|None)\b
        | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_LONGEST_NUMBER = 40

_Token: TypeAlias = tuple[str, str]


def body(data: bytes) -> Body:
    """The object in a request; raises Fault if there is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise faults.not_json() from error
    if not text.strip():
        raise faults.bad_body()
    found = _parsed(text)
    if not isinstance(found, dict) or not found:
        raise faults.bad_body()
    return {str(name).lower(): value for name, value in found.items()}


def _parsed(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        tokens = _tokens(text)
        value = _value(next(tokens), tokens, 0)
        if next(tokens)[0] != "end":
            _refuse()
        return value


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while True:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            _refuse()
        yield match.lastgroup, match[match.lastgroup]
        place = match.end()


def _value(token: _Token, tokens: Iterator[_Token], depth: int) -> object:
    kind, text = token
    if depth > _DEEPEST:
        _refuse()
    if token == ("sign", "{"):
        return dict(_members(tokens, depth))
    if token == ("sign", "["):
        return list(_items(tokens, depth))
    match kind:
        case "text":
            return _unescaped(text[1:-1])
        case "number" if len(text) <= _LONGEST_NUMBER:
            return int(text) if text.lstrip("+-").isdecimal() else float(text)
        case "word":
            return _WORDS[text]
    raise faults.not_json()


def _members(tokens: Iterator[_Token], depth: int) -> Iterator[tuple[str, object]]:
    token = next(tokens)
    while token != ("sign", "}"):
        if token[0] != "text" or next(tokens) != ("sign", ":"):
            _refuse()
        yield _unescaped(token[1][1:-1]), _value(next(tokens), tokens, depth + 1)
        token = _behind_comma(tokens, "}")


def _items(tokens: Iterator[_Token], depth: int) -> Iterator[object]:
    token = next(tokens)
    while token != ("sign", "]"):
        yield _value(token, tokens, depth + 1)
        token = _behind_comma(tokens, "]")


def _behind_comma(tokens: Iterator[_Token], end: str) -> _Token:
    token = next(tokens)
    if token == ("sign", end):
        return token
    if token != ("sign", ","):
        _refuse()
    return next(tokens)


def _unescaped(text: str) -> str:
    def letter(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else _LETTERS.get(match[3], match[3])

    return _ESCAPE.sub(letter, text)


def _refuse(_: str = "") -> NoReturn:
    raise faults.not_json()
