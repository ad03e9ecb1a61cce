"""Where settings come from.

Strongest first: arguments, environment, the YAML file, defaults. A secret `x` may instead be read from the file that
its sibling `x_file` names. Relative paths in the YAML file start at the file's folder, all others at the working
directory; `~` is the home folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from uSense import schema, weights
from uSense.core.errors import SettingsError
from uSense.detectors.yunet import YunetSettings
from uSense.schema import Mark, Outline, Problem
from uSense.settings import environment, files, yamlfile
from uSense.settings.tree import Settings

PLACES = (Path("usense.yaml"), Path("/etc/usense/usense.yaml"))
CAMERA = "cameras:\n  hall: {kind: stream, url: rtsp://192.168.1.20/live}"
"""The smallest group of cameras."""
_EMPTY = "has no value: write one, or leave the line out (`#` begins a comment: text with it needs quotes)"
_EMPTY_GROUP = "has nothing below it: indent what belongs to it, or leave the line out"

B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """The values of one origin; `place` says where a path is written."""

    name: str
    values: Mapping[str, Any]
    place: Callable[[schema.Path], str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings with their history."""

    settings: Settings
    file: Path | None
    sources: tuple[Source, ...]

    def origin(self, path: schema.Path) -> str:
        """`argument`, `environment`, `file` or `default`."""
        source = _source(self.sources, path) or _source(self.sources, (*path[:-1], f"{path[-1]}_file"))
        return source.name if source else "default"

    def place(self, path: schema.Path) -> str:
        """Where it is given, in the words of its origin; empty for a default."""
        for asked in (path, (*path[:-1], f"{path[-1]}_file")):
            if source := _source(self.sources, asked):
                return source.place(asked).removesuffix(f": {schema.dotted(asked)}")
        return ""

    def line(self, path: schema.Path, text: str) -> str:
        """What there is to say about a setting, after the place where it was given."""
        return _line(self.sources, Problem(path, text))


def load(path: Path | None = None, **arguments: Any) -> Settings:
    """Settings from all sources; SettingsError has one line a problem. Without `path` the usual places are tried."""
    return trace(path, **arguments).settings


def trace(path: Path | None = None, **arguments: Any) -> Loaded:
    """Like `load`, with the origin of every value."""
    place = path or _usual()
    file = yamlfile.read(place) if place else None
    sources = (
        Source("argument", arguments, schema.dotted),
        Source("environment", environment.values(), environment.variable),
        *([Source("file", file.values, file.place)] if file else []),
    )
    outline = Outline(Settings)
    merged: Any = {}
    for source in reversed(sources):
        merged = _overlaid(merged, source.values)
    problems = list(schema.misfits(merged, outline))
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        problems += schema.problems(error, merged, outline, lambda at, right: _spelled(sources, at, right))
    problems = _with_empty(problems, file.empty if file else (), outline, merged)
    lines = environment.unknown(outline, sources[1].values) + list(_lines(sources, problems, outline))
    if lines:
        raise SettingsError("\n".join(lines))
    completed = Loaded(_Completion(Loaded(settings, place, sources)).tree(), place, sources)
    return Loaded(_with_weights(completed), place, sources)


def _with_weights(loaded: Loaded) -> Settings:
    """The settings with the fetched weights: for a YuNet that names no others, or if no detector is named."""
    settings = loaded.settings
    kept = weights.found(settings.data_dir, weights.YUNET)
    detector = settings.detector
    if isinstance(detector, YunetSettings) and detector.path is None:
        detector = detector.model_copy(update={"path": kept})
    elif loaded.origin(("detector",)) == "default" and os.path.isfile(kept):  # noqa: PTH113 - Path's raises where one may not look
        detector = YunetSettings(path=kept)
    return settings.model_copy(update={"detector": detector})


def _usual() -> Path | None:
    """The first of the usual places where something is, readable or not."""
    for place in PLACES:
        try:
            place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            # Who works in a folder that is closed to this user, as `sudo -u usense` does at home, means no file there.
            if not place.is_absolute():
                continue
            return place
        return place
    return None


def _overlaid(low: Any, high: Any) -> Any:
    """`high` over `low`, group by group."""
    if not isinstance(low, Mapping) or not isinstance(high, Mapping):
        return high
    return {**low, **{name: _overlaid(low[name], value) if name in low else value for name, value in high.items()}}


def _source(sources: Sequence[Source], path: schema.Path) -> Source | None:
    """The strongest source that gives a value at `path`."""
    return next((source for source in sources if schema.reaches(source.values, path)), None)


def _giver(sources: Sequence[Source], path: schema.Path) -> Source | None:
    """The strongest source of the longest beginning of `path`."""
    beginnings = (path[:depth] for depth in range(len(path), 0, -1))
    return next((source for start in beginnings if (source := _source(sources, start))), None)


def _line(sources: Sequence[Source], problem: Problem) -> str:
    source = _giver(sources, problem.path)
    return f"{source.place(problem.path) if source else schema.dotted(problem.path)}: {problem.text}"


def _spelled(sources: Sequence[Source], path: schema.Path, right: schema.Path) -> str:
    """The right setting, written as the one at `path` is."""
    source = _giver(sources, path)
    return environment.variable(right) if source and source.name == "environment" else f"'{schema.dotted(right)}'"


def _with_empty(
    problems: Sequence[Problem], empty: Sequence[schema.Path], outline: Outline, merged: Any
) -> list[Problem]:
    """The problems, with words of their own for names after which there is nothing: null is hardly meant by it."""
    found = {
        path: _EMPTY_GROUP if outline.below(path, merged) else _EMPTY
        for path in empty
        if not outline.first_unknown(path, merged) and schema.at(merged, path) is None
    }
    return [
        *(problem for problem in problems if problem.path not in found),
        *(Problem(path, text) for path, text in found.items()),
    ]


def _lines(sources: Sequence[Source], problems: Sequence[Problem], outline: Outline) -> Iterator[str]:
    """A line for each problem, and an example for those who do not know how a camera is written."""
    unknown_camera = False
    for problem in problems:
        path, hint = problem.path, ""
        source = _giver(sources, path)
        if problem.text in {schema.GROUP, _EMPTY_GROUP}:
            if source and source.name == "environment":
                hint = _variable_hint(outline, path)
            else:
                unknown_camera |= path[0] == "cameras" and len(path) <= len(("cameras", "name"))
        yield _line(sources, problem) + hint
    if unknown_camera:
        yield f"for example:\n{CAMERA}"


def _variable_hint(outline: Outline, path: schema.Path) -> str:
    """What to write for a variable that holds text where a group is needed."""
    right = environment.meant(outline, path)
    if right and right != path:
        return f"; did you mean {environment.variable(right)}?"
    below = [leaf for leaf, _ in outline.leaves() if leaf[: len(path)] == path]
    first = min(below, key=lambda leaf: leaf[-1] != "kind", default=None)
    return f": one variable for each, such as {environment.variable(first)}" if first else ""


class _Completion:
    """Reads the secret files and makes all paths absolute."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.problems: list[str] = []

    def tree(self) -> Settings:
        completed = self._branch(self.loaded.settings, ())
        if self.problems:
            raise SettingsError("\n".join(self.problems))
        return completed

    def _branch(self, branch: B, path: schema.Path) -> B:
        fields = type(branch).model_fields
        values = {name: self._value(getattr(branch, name), (*path, name), field) for name, field in fields.items()}
        for name, file in values.items():
            secret = name.removesuffix("_file")
            if secret == name or secret not in values or file is None:
                continue
            try:
                values[secret] = files.secret(file, secret, values[secret])
            except SettingsError as error:
                self.problems.append(self.loaded.line((*path, name), str(error)))
        return branch.model_copy(update=values)

    def _value(self, value: Any, path: schema.Path, field: FieldInfo) -> Any:
        if isinstance(value, BaseModel):
            return self._branch(value, path)
        if isinstance(value, dict):
            return {name: self._value(below, (*path, str(name)), field) for name, below in value.items()}
        if isinstance(value, Path):
            return self._absolute(value, path)
        if Mark.PLACE in field.metadata and isinstance(value, str) and "://" not in value:
            return str(self._absolute(Path(value), path))
        return value

    def _absolute(self, value: Path, path: schema.Path) -> Path:
        file = self.loaded.file
        start = file.absolute().parent if file and self.loaded.origin(path) == "file" else Path.cwd()
        try:
            return start / value.expanduser()
        except RuntimeError:
            self.problems.append(self.loaded.line(path, "begins with '~', but whose home folder is meant is not known"))
            return value
