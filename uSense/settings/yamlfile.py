"""YAML files of settings: their values, where each stands, and plain words for what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from uSense import schema
from uSense.core.errors import SettingsError
from uSense.settings import files

_DEEPEST = 20
"""Levels of a file whose lines are known: an alias may contain itself."""
_NULL = "tag:yaml.org,2002:null"
_PLAIN = (
    (r"'\\t'", "there is a tab: indent with spaces"),
    (
        r"mapping values are not allowed",
        "there is a ':' too many: is the line indented right, and text with ': ' quoted?",
    ),
    (r"could not find expected ':'", "there is no ': ' after a name"),
    (r"expected <block end>", "this does not fit the lines above: is it indented as they are, and text quoted?"),
    (r"unexpected end of stream|<stream end>", "a quote or bracket is opened and never closed"),
    (r"<document start>", "this is no YAML: settings are written `name: value`"),
    (r"undefined alias", "'*' at the beginning stands for something else in YAML: put text with it in quotes"),
    (r"determine a constructor", "'!' at the beginning stands for something else in YAML: put text with it in quotes"),
    (
        r"unknown escape character|expected escape sequence",
        "a backslash is special in double quotes: use single quotes",
    ),
    (r"expected a single document", "'---' begins a second document: one is enough"),
)
"""What YAML's parser complains about, and what people call it."""


@dataclass(frozen=True, slots=True)
class File:
    """What a file holds; `empty` are the names after which there is nothing."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[schema.Path, int]
    empty: tuple[schema.Path, ...]

    def place(self, path: schema.Path) -> str:
        """Where a setting stands, with its path."""
        beginnings = (path[:depth] for depth in range(len(path), 0, -1))
        line = next((self.lines[start] for start in beginnings if start in self.lines), None)
        return f"{self.path}, line {line}: {schema.dotted(path)}" if line else f"{self.path}: {schema.dotted(path)}"


@dataclass(slots=True)
class _Names:
    """What is found while walking through a file's names."""

    lines: dict[schema.Path, int] = field(default_factory=dict)
    empty: list[schema.Path] = field(default_factory=list)
    doubles: list[tuple[schema.Path, int]] = field(default_factory=list)

    def walk(self, node: yaml.Node | None, path: schema.Path) -> None:
        if len(path) > _DEEPEST or not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            at = (*path, str(key.value))
            line = key.start_mark.line + 1
            if at in self.lines:
                self.doubles.append((at, line))
            self.lines[at] = line
            if value.tag == _NULL and value.value == "":
                self.empty.append(at)
            self.walk(value, at)


class _Loader(yaml.SafeLoader):
    """Says of a number or date that cannot be, such as 2026-02-30, where it stands."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - as it is called
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError, KeyError, OverflowError) as error:
            problem = "there is no such number or date: put text in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def read(path: Path) -> File:
    """The settings in a file; SettingsError says what is wrong with it and where."""
    node, values = _parsed(path, _text(path))
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{path}: must hold settings, each with its name (`mqtt:` and below it `host: ...`)")
    names = _Names()
    names.walk(node, ())
    if names.doubles:
        raise SettingsError(
            "\n".join(f"{path}, line {line}: {schema.dotted(at)}: is given twice" for at, line in names.doubles)
        )
    return File(path, values or {}, names.lines, tuple(names.empty))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        begin = f"; to begin: `usense config example > {path}`" if isinstance(error, FileNotFoundError) else ""
        raise SettingsError(f"{path}: {files.why(error)}{begin}") from error


def _parsed(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    """The file as it is written and as values."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise SettingsError(f"{place}: {_words(error)}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: is not YAML: it contains a character that is not text") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: is not meant for settings: it has too many levels") from error


def _words(error: yaml.MarkedYAMLError) -> str:
    """What a YAML error says, in plain words if possible, without what it quotes: it may be an unquoted password."""
    problem = error.problem or "is not YAML"
    for pattern, sentence in _PLAIN:
        if re.search(pattern, f"{error.context} {problem}"):
            return sentence
    if sign := re.fullmatch(r"found character '(.)' that cannot start any token", problem):
        return f"text that begins with {sign[1]} has to stand in quotes"
    text = f"{error.context}, {problem}" if problem.startswith("but ") else problem
    return re.sub(r" '(?!<)[^']{2,}'", "", text)
