"""All settings of uSense in one tree, and where they come from.

Strongest first: arguments, environment (`USENSE_MQTT__HOST`; an empty variable counts as not set), the YAML file,
defaults. A secret `x` may instead be read from the file that its sibling `x_file` names. Relative paths in the YAML
file start at the file's folder, all others at the working directory; `~` is the home folder.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import platformdirs
import yaml
from pydantic import BaseModel, BeforeValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from uSense import schema
from uSense.cameras import AnyCamera
from uSense.core.announcing import AnnounceRules
from uSense.core.errors import SettingsError
from uSense.core.quality import QualityRules
from uSense.core.tracking import TrackingRules
from uSense.core.voting import VotingRules
from uSense.detectors import AnyDetector
from uSense.detectors.hog import HogSettings
from uSense.mqtt.settings import MqttSettings
from uSense.pipeline import PipelineSettings
from uSense.recognizers import AnyRecognizer
from uSense.recognizers.local import LocalSettings
from uSense.schema import Branch

PREFIX = "USENSE_"
PLACES = (Path("usense.yaml"), Path("/etc/usense/usense.yaml"))
DEEPEST = 20
"""Levels of a YAML file whose lines are known: an alias may contain itself."""
RESERVED = {"USENSE_CONFIG", "USENSE_NO_SKIP", "USENSE_LAB"}
"""Variables that are not settings: the command line's choice of file, and the tests' own."""

B = TypeVar("B", bound=BaseModel)
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]


def _instance() -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", socket.gethostname().lower()).strip("-")[:40] or "usense"


def _data_dir() -> Path:
    return platformdirs.user_data_path("usense")


def _hog_unless_told(value: object) -> object:
    return {"kind": "hog", **value} if isinstance(value, Mapping) else value


class LogSettings(Branch):
    """What is logged to stderr, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged: debug, info, warning or error."""
    format: Literal["auto", "console", "json"] = "auto"
    """`console` for people, `json` one object a line; `auto` is console on a terminal."""


class Settings(Branch):
    """The whole tree; each part of uSense receives only its own branch."""

    instance: Name = Field(default_factory=_instance)
    """Name of this uSense in client id and events, from a-z, 0-9, `_` and `-`; by default made from the host name."""
    data_dir: Path = Field(default_factory=_data_dir)
    """Folder of the gallery, its key and everything else that is kept; by default the user's data folder."""
    mqtt: MqttSettings = MqttSettings()
    """The broker, and what is told there."""
    cameras: dict[Name, AnyCamera] = Field(default_factory=dict)
    """The cameras, each under its name of a-z, 0-9, `_` and `-`."""
    detector: Annotated[AnyDetector, BeforeValidator(_hog_unless_told)] = HogSettings()
    """What finds faces: `hog` or `yunet`."""
    recognizer: AnyRecognizer = LocalSettings()
    """What knows whose face it is: `local`."""
    quality: QualityRules = QualityRules()
    """Which faces are good enough to be compared."""
    tracking: TrackingRules = TrackingRules()
    """Following faces from picture to picture."""
    voting: VotingRules = VotingRules()
    """When the looks at a face suffice for a decision."""
    announce: AnnounceRules = AnnounceRules()
    """How often somebody is announced."""
    pipeline: PipelineSettings = PipelineSettings()
    """How much is done at once."""
    health_every: float = Field(default=30, ge=1)
    """Seconds between two messages on `usense/health`."""
    log: LogSettings = LogSettings()
    """Logging."""


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


def load(path: Path | None = None, **arguments: Any) -> Settings:
    """Settings from all sources; SettingsError has one line a problem. Without `path` the usual places are tried."""
    return trace(path, **arguments).settings


def trace(path: Path | None = None, **arguments: Any) -> Loaded:
    """Like `load`, with the origin of every value."""
    file = path or next((place for place in PLACES if place.is_file()), None)
    sources = (
        Source("argument", arguments, schema.dotted),
        Source("environment", _Variables()(), variable),
        *([_file(file)] if file else []),
    )
    outline = schema.Outline(Settings)
    merged: Any = {}
    for source in reversed(sources):
        merged = _overlaid(merged, source.values)
    found = _unknown_variables(outline, sources[1].values)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        found += [_line(problem, sources) for problem in schema.problems(error, merged, outline)]
    if found:
        raise SettingsError("\n".join(found))
    loaded = Loaded(settings, file, sources)
    return Loaded(_Completion(loaded).tree(), file, sources)


def variable(path: schema.Path) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(path).upper()


def _overlaid(low: Any, high: Any) -> Any:
    """`high` over `low`, group by group."""
    if not isinstance(low, Mapping) or not isinstance(high, Mapping):
        return high
    return {**low, **{name: _overlaid(low[name], value) if name in low else value for name, value in high.items()}}


def _source(sources: tuple[Source, ...], path: schema.Path) -> Source | None:
    """The strongest source that gives a value at `path`."""
    return next((source for source in sources if _reaches(source.values, path)), None)


def _reaches(values: Any, path: schema.Path) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _line(problem: schema.Problem, sources: tuple[Source, ...]) -> str:
    beginnings = (problem.path[:depth] for depth in range(len(problem.path), 0, -1))
    source = next((source for at in beginnings if (source := _source(sources, at))), None)
    place = source.place(problem.path) if source else schema.dotted(problem.path)
    return f"{place}: {problem.text}"


class _Variables(EnvSettingsSource):
    """Leaves text that is no JSON as it is, so that the validation says where it stands and what is wrong."""

    def __init__(self) -> None:
        tree: Any = Settings  # read for its fields only; a BaseSettings would look for sources of its own
        super().__init__(tree, env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True)

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def _unknown_variables(outline: schema.Outline, known: Mapping[str, Any]) -> list[str]:
    """Variables with our prefix that set nothing: pydantic-settings passes over them in silence."""
    found = []
    for name in sorted(set(os.environ) - RESERVED):
        path = tuple(name.lower().removeprefix(PREFIX.lower()).split("__"))
        if name.upper().startswith(PREFIX) and not _reaches(known, path) and (wrong := outline.first_unknown(path)):
            right = outline.nearest(wrong)
            meant = f"; did you mean {variable((*right, *path[len(wrong) :]))}?" if right else ""
            found.append(f"{name}: is not known{meant}")
    return found


def _file(path: Path) -> Source:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        node, values = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise SettingsError(f"{place}: {_unquoted(error)}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: is not YAML: it contains a character that is not text") from error
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{path}: must hold settings, each with its name (`mqtt:` and below it `host: ...`)")
    lines: dict[schema.Path, int] = {}
    if doubles := _number(node, (), lines):
        raise SettingsError(
            "\n".join(f"{path}, line {line}: {schema.dotted(at)}: is given twice" for at, line in doubles)
        )
    return Source("file", values or {}, partial(_place, path, lines))


def _place(file: Path, lines: Mapping[schema.Path, int], path: schema.Path) -> str:
    line = next((lines[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in lines), None)
    return f"{file}, line {line}: {schema.dotted(path)}" if line else f"{file}: {schema.dotted(path)}"


def _number(node: yaml.Node | None, path: schema.Path, lines: dict[schema.Path, int]) -> list[tuple[schema.Path, int]]:
    """Note the line of every name below `node`; returns those that are given twice."""
    doubles: list[tuple[schema.Path, int]] = []
    if len(path) > DEEPEST:
        return doubles
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        at = (*path, str(key.value))
        line = key.start_mark.line + 1
        if at in lines:
            doubles.append((at, line))
        lines[at] = line
        doubles += _number(value, at, lines)
    return doubles


def _unquoted(error: yaml.MarkedYAMLError) -> str:
    """What a YAML error says without the words it quotes: an unquoted password may be among them."""
    problem = error.problem or "is not YAML"
    text = f"{error.context}, {problem}" if problem.startswith("but ") else problem
    return re.sub(r" '(?!<)[^']{2,}'", "", text)


class _Completion:
    """Reads the secret files and makes the file's relative paths start at its folder."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.problems: list[str] = []

    def tree(self) -> Settings:
        completed = self._branch(self.loaded.settings, ())
        if self.problems:
            raise SettingsError("\n".join(self.problems))
        return completed

    def _branch(self, branch: B, path: schema.Path) -> B:
        values = {name: self._value(getattr(branch, name), (*path, name)) for name in type(branch).model_fields}
        for name, file in values.items():
            secret = name.removesuffix("_file")
            if secret == name or secret not in values or file is None:
                continue
            try:
                values[secret] = _secret(file, secret, values[secret])
            except SettingsError as error:
                problem = schema.Problem((*path, name), str(error))
                self.problems.append(_line(problem, self.loaded.sources))
        return branch.model_copy(update=values)

    def _value(self, value: Any, path: schema.Path) -> Any:
        if isinstance(value, BaseModel):
            return self._branch(value, path)
        if isinstance(value, dict):
            return {name: self._value(below, (*path, str(name))) for name, below in value.items()}
        if isinstance(value, Path):
            file = self.loaded.file
            start = file.absolute().parent if file and self.loaded.origin(path) == "file" else Path()
            return start / value.expanduser()
        return value


def _secret(file: Path, name: str, given: object) -> SecretStr:
    """The secret in a file, without the newline at its end; SettingsError says why there is none."""
    if given is not None:
        raise SettingsError(f"is given beside '{name}'; give one of them")
    try:
        text = file.read_bytes().decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 text") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    if not text:
        raise SettingsError(f"{file} is empty")
    return SecretStr(text)
