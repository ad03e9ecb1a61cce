"""The base of every settings branch and every command's payload, and plain words for values that do not fit it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

_NAME = r"^[a-z0-9_-]{1,40}$"

Name: TypeAlias = Annotated[str, StringConstraints(pattern=_NAME)]
"""A name that is fit for topics and environment variables."""
Side: TypeAlias = Annotated[int, Field(ge=32, le=4096)]
Fit: TypeAlias = tuple[Side, Side]
"""Width and height in pixels of a box into which pictures are shrunk."""


class Branch(BaseModel):
    """Frozen, refuses unknown keys and infinite numbers, and takes each field's description from its docstring."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, allow_inf_nan=False
    )


class Mark(StrEnum):
    """What a setting names on this machine; stands in the `Annotated` of its field. Every `Path` is a place anyway."""

    PLACE = "place"
    """Text that is an address if it has `://`, else a path."""
    NEEDED = "needed"
    """A file without which the service does not start."""
    FOLDER = "folder"
    """A folder, if it is there."""


FREE = "*"
"""Stands in a path for a name that is free, such as a camera's."""
_NEAR, _FAR = 0.6, 0.7
"""How alike (0 to 1) two names must be at least, at the same level and elsewhere."""
GROUP = "must be a group of settings, each with its name"
_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "finite_number": "must be a number that is not infinite",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list, such as [640, 480]",
    "invalid_key": "is no name: a name is text, in quotes if it looks like a number or a date",
    "path_type": "must be a path, in quotes if it looks like something else",
    "string_type": "must be text, in quotes if it looks like something else",
}
_GROUP_ERRORS = {"model_type", "model_attributes_type", "dataclass_type", "dict_type"}
_UNKNOWN_ERRORS = {"extra_forbidden", "unexpected_keyword_argument"}
_BOUND_ERRORS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
_MISSING_ERRORS = {"missing", "missing_argument", "missing_keyword_only_argument"}

Path: TypeAlias = tuple[str, ...]
Shape: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit a model, and where. The text never repeats the value: it may be a secret."""

    path: Path
    text: str


@cache
def _json_schema(model: type[BaseModel]) -> Shape:
    return model.model_json_schema()


class Outline:
    """The names that a model allows, level by level, read from its JSON Schema."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.schema: Shape = _json_schema(model)

    def below(self, path: Path, values: object = None) -> dict[str, Shape]:
        """The names allowed right below `path` with their schemas; `values` tell which kind of a branch is meant."""
        return self._names(*self._reached(path, values))

    def shape(self, path: Path, values: object = None) -> Shape:
        """Description, types and bounds of the setting at `path`; those of its alternatives in one."""
        shape, _ = self._reached(path, values)
        alternatives = [shape, *shape.get("anyOf", ())]
        types = {alternative["type"] for alternative in alternatives if "type" in alternative}
        return {key: value for alternative in alternatives for key, value in alternative.items()} | {"types": types}

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

    def _reached(self, path: Path, values: object) -> tuple[Shape, object]:
        """The schema at `path`, and what of `values` is there."""
        shape = self.schema
        for part in path:
            names = self._names(shape, values)
            shape = names.get(part, names.get(FREE, {}))
            values = values.get(part) if isinstance(values, Mapping) else None
        return shape, values

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


Speller: TypeAlias = Callable[[Path, Path], str]
"""Writes the second path in the way in which the first was given."""


def slug(text: str) -> str:
    """The text as a `Name`; empty if nothing of it is left."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-")[:40]


def dotted(path: Sequence[str]) -> str:
    """A path as people write it; free names are shown as `<name>`."""
    shown = ("<name>" if part == FREE else part for part in path)
    return ".".join(part if part.isprintable() and part else repr(part) for part in shown)


def _quoted(_: Path, path: Path) -> str:
    return f"'{dotted(path)}'"


def problems(error: ValidationError, values: object, outline: Outline, spelled: Speller = _quoted) -> list[Problem]:
    """Every problem of a failed validation of `values` in plain words, with the name that was probably meant."""
    details = error.errors(include_url=False, include_context=True)
    return list(dict.fromkeys(_problem(detail, values, outline, spelled) for detail in details))


def misfits(values: object, outline: Outline, path: Path = ()) -> Iterator[Problem]:
    """What pydantic takes, but nobody means: true (YAML reads it in `on`) for 1, false for 0, empty text as path."""
    given, known = at(values, path), outline.below(path, values)
    if isinstance(given, Mapping):
        for name in given:
            if name in known or FREE in known:
                yield from misfits(values, outline, (*path, name))
    elif isinstance(given, bool):
        types = outline.shape(path, values)["types"]
        if types & {"integer", "number"} and "boolean" not in types:
            yield Problem(path, "must be a number, not true or false")
    elif given == "" and outline.shape(path, values).get("format") == "path":
        yield Problem(path, "must not be empty: name a place, or leave the line out")


def reaches(values: object, path: Path) -> bool:
    """Whether something is given at `path`, be it null."""
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def at(values: object, path: Path) -> object:
    """What is given at `path`; None if nothing is."""
    for part in path:
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _problem(detail: ErrorDetails, values: object, outline: Outline, spelled: Speller) -> Problem:
    path = _path(detail, values)
    kind = detail["type"]
    if kind in _UNKNOWN_ERRORS:
        return Problem(path, "is not known" + _hint(outline, path, values, spelled))
    if kind == "union_tag_invalid":
        return Problem((*path, "kind"), f"must be one of {detail['ctx']['expected_tags']}")
    if kind == "union_tag_not_found":
        return Problem((*path, "kind"), f"is missing: one of {', '.join(map(repr, outline.kinds(path)))}")
    return Problem(path, _text(detail, outline.shape(path, values)))


def _text(detail: ErrorDetails, shape: Shape) -> str:
    kind = detail["type"]
    if kind == "string_type" and detail["loc"][-1:] == ("[key]",):
        kind = "invalid_key"
    if kind in _GROUP_ERRORS:
        return GROUP
    if kind in _MISSING_ERRORS:
        return "is missing" + _meaning(shape)
    if kind in _BOUND_ERRORS:
        return f"must be {_bounds(detail, shape)}" + _meaning(shape, without=_range(shape))
    if kind == "string_pattern_mismatch" and detail["ctx"]["pattern"] == _NAME:
        return _name(detail)
    return _WORDS.get(kind) or re.sub(
        "^(Input|String|Tuple) should", "must", detail["msg"].removeprefix("Value error, ")
    )


def _hint(outline: Outline, path: Path, values: object, spelled: Speller) -> str:
    """What was probably meant instead of `path`, or else what there is at that level; empty if nothing is."""
    right = outline.nearest(path, values)
    if right and all(part in {FREE, given} for part, given in zip(right, path, strict=False)):
        return f" for this kind; is {spelled(path, (*path[:-1], 'kind'))} right?"
    if right:
        return f"; did you mean {spelled(path, right)}?"
    names = sorted(name for name in outline.below(path[:-1], values) if name != FREE)
    return f"; there are {', '.join(names)}" if names else ""


def _meaning(shape: Shape, without: str = "") -> str:
    """The sentence of a setting, in brackets, `without` what was said before."""
    text = " ".join(str(shape.get("description", "")).split()).rstrip(".")
    if without:
        text = re.sub(rf", {re.escape(without)}\b,?", "", text)
    if re.match(r"[A-Z](?:[a-z]| )", text):
        text = text[0].lower() + text[1:]
    return f" ({text})" if text else ""


def _range(shape: Shape) -> str:
    """The bounds of a number as the sentence of its setting may name them; empty unless there are two."""
    ends = [shape.get(f"{end}imum", shape.get(f"exclusive{end.title()}imum")) for end in ("min", "max")]
    return "" if None in ends else " to ".join(map(str, ends))


def _bounds(detail: ErrorDetails, shape: Shape) -> str:
    """All bounds of a number."""
    if "minimum" in shape and "maximum" in shape:
        return f"from {shape['minimum']} to {shape['maximum']}"
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    parts = [f"{word} {shape[bound]}" for bound, word in words.items() if bound in shape]
    if not parts:
        parts = [detail["msg"].removeprefix("Input should be ")]  # within a list, for which there is no name
    return " and ".join(parts)


def _name(detail: ErrorDetails) -> str:
    """What a name may be; for one that is shown anyway, what it could be."""
    *_, before, last = ("", *detail["loc"])
    fitting = slug(str(before)) if last == "[key]" else ""
    return "must have 1 to 40 of the signs a-z, 0-9, _ and -" + (f", such as '{fitting}'" if fitting else "")


def _path(detail: ErrorDetails, values: object) -> Path:
    """Where an error is, without the names of union members that pydantic puts between."""
    path: list[str] = []
    for index, part in enumerate(detail["loc"]):
        last = index == len(detail["loc"]) - 1
        if isinstance(values, Mapping) and part in values:
            path.append(next(str(key) for key in values if key == part))  # pydantic says 1 where true stands
            values = values[part]
        elif isinstance(values, list | tuple) and isinstance(part, int):
            path.append(str(part))
            values = values[part] if part < len(values) else None
        elif last and (detail["type"] in _MISSING_ERRORS or detail["type"] == "invalid_key"):
            path.append(str(part))
    return tuple(path)


def _alike(a: Path, b: Path) -> float:
    return SequenceMatcher(None, ".".join(a).lower().replace("_", "."), ".".join(b).replace("_", ".")).ratio()
