"""The base of every settings branch and every command's payload, and plain words for values that do not fit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class Branch(BaseModel):
    """Frozen, refuses unknown keys, and takes each field's description from the docstring below it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


FREE = "*"
"""Stands in a path for a name that is free, such as a camera's."""
_NEAR, _FAR = 0.6, 0.7
"""How alike (0 to 1) two names must be at least, at the same level and elsewhere."""
_WORDS = {
    "extra_forbidden": "is not known",
    "unexpected_keyword_argument": "is not known",
    "missing": "is missing",
    "missing_argument": "is missing",
    "missing_keyword_only_argument": "is missing",
    "invalid_key": "is no name: a name is text, in quotes if it looks like a number or a date",
    "path_type": "must be a path",
    "string_type": "must be text, in quotes if it looks like something else",
}
_GROUP_ERRORS = {"model_type", "model_attributes_type", "dataclass_type", "dict_type"}
_UNKNOWN_ERRORS = {"extra_forbidden", "unexpected_keyword_argument"}

Path: TypeAlias = tuple[str, ...]
Shape: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit a model, and where. The text never repeats the value: it may be a secret."""

    path: Path
    text: str


class Outline:
    """The names that a model allows, level by level, read from its JSON Schema."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.schema: Shape = model.model_json_schema()

    def below(self, path: Path, values: object = None) -> dict[str, Shape]:
        """The names allowed right below `path` with their schemas; `values` tell which kind of a branch is meant."""
        shape = self.schema
        for part in path:
            names = self._names(shape, values)
            shape = names.get(part, names.get(FREE, {}))
            values = values.get(part) if isinstance(values, Mapping) else None
        return self._names(shape, values)

    def kinds(self, path: Path) -> list[str]:
        """The kinds of a branch of which there are several."""
        names = self.below(path[:-1])
        shape = names.get(path[-1], names.get(FREE, {}))
        return list(shape.get("discriminator", {}).get("mapping", ()))

    def leaves(self, shape: Shape | None = None, path: Path = ()) -> Iterator[tuple[Path, Shape]]:
        """All settings that hold a value, with free names as `*`."""
        names = self._names(self.schema if shape is None else shape)
        if not names and shape is not None:
            yield path, shape
        for name, below in names.items():
            yield from self.leaves(below, (*path, name))

    def first_unknown(self, path: Path, values: object = None) -> Path | None:
        """The shortest beginning of `path` that is not allowed."""
        for depth, part in enumerate(path):
            names = self.below(path[:depth], values)
            if part not in names and FREE not in names:
                return path[: depth + 1]
        return None

    def nearest(self, path: Path, values: object = None) -> Path | None:
        """The allowed path that was most likely meant: a like name at the same level, or the same name elsewhere."""
        near = [(*path[:-1], name) for name in self.below(path[:-1], values) if name != FREE]
        far = [leaf for leaf, _ in self.leaves()]
        grades = {leaf: max(_alike(path[-1:], leaf[-1:]), _alike(path, leaf)) - _FAR for leaf in far}
        grades |= {sibling: _alike(path[-1:], sibling[-1:]) - _NEAR for sibling in near}
        best = max(grades, key=lambda other: grades[other], default=None)
        return best if best and grades[best] > 0 else None

    def _names(self, shape: Shape, values: object = None) -> dict[str, Shape]:
        """Names and schemas of all alternatives of a shape, except those of another kind than `values` say."""
        if "$ref" in shape:
            return self._names(self.schema["$defs"][str(shape["$ref"]).rsplit("/", 1)[-1]], values)
        names: dict[str, Shape] = dict(shape.get("properties", {}))
        for name, below in names.items():
            given = values.get(name) if isinstance(values, Mapping) else None
            if "const" in below and given is not None and given != below["const"]:
                return {}
        for free in (shape.get("additionalProperties"), *shape.get("patternProperties", {}).values()):
            if isinstance(free, Mapping):
                names[FREE] = free
        for alternative in [*shape.get("anyOf", ()), *shape.get("oneOf", ()), *shape.get("allOf", ())]:
            names |= self._names(alternative, values)
        return names


def problems(error: ValidationError, values: object, outline: Outline) -> list[Problem]:
    """Every problem of a failed validation of `values` in plain words, with the name that was probably meant."""
    found = (_problem(detail, values, outline) for detail in error.errors(include_url=False, include_context=True))
    return list(dict.fromkeys(found))


def dotted(path: Sequence[str]) -> str:
    """A path as people write it; free names are shown as `<name>`."""
    shown = ("<name>" if part == FREE else part for part in path)
    return ".".join(part if part.isprintable() and part else repr(part) for part in shown)


def _problem(detail: ErrorDetails, values: object, outline: Outline) -> Problem:
    path = _path(detail, values)
    kind = detail["type"]
    if kind in _UNKNOWN_ERRORS:
        return Problem(path, _WORDS[kind] + hint(outline, path, values))
    if kind in _GROUP_ERRORS:
        return Problem(path, "must be a group of settings, each with its name")
    if kind == "union_tag_invalid":
        return Problem((*path, "kind"), f"must be one of {detail['ctx']['expected_tags']}")
    if kind == "union_tag_not_found":
        return Problem((*path, "kind"), f"is missing: one of {', '.join(map(repr, outline.kinds(path)))}")
    text = _WORDS.get(kind) or detail["msg"].removeprefix("Value error, ").replace("Input should", "must", 1).replace(
        "String should", "must", 1
    )
    return Problem(path, text)


def hint(outline: Outline, path: Path, values: object = None) -> str:
    """What was probably meant instead of `path`, or else what there is at that level; empty if nothing is."""
    if right := outline.nearest(path, values):
        return f"; did you mean '{dotted(right)}'?"
    names = sorted(name for name in outline.below(path[:-1], values) if name != FREE)
    return f"; there are {', '.join(names)}" if names else ""


def _path(detail: ErrorDetails, values: object) -> Path:
    """Where an error is, without the names of union members that pydantic puts between."""
    path: list[str] = []
    for index, part in enumerate(detail["loc"]):
        last = index == len(detail["loc"]) - 1
        if isinstance(values, Mapping) and part in values:
            path.append(str(part))
            values = values[part]
        elif isinstance(values, list | tuple) and isinstance(part, int):
            path.append(str(part))
            values = values[part] if part < len(values) else None
        elif last and (detail["type"].startswith("missing") or detail["type"] == "invalid_key"):
            path.append(str(part))
    return tuple(path)


def _alike(a: Path, b: Path) -> float:
    return SequenceMatcher(None, ".".join(a).replace("_", "."), ".".join(b).replace("_", ".")).ratio()
