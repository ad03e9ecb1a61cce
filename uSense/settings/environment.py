"""Settings from environment variables: USENSE_MQTT__HOST is mqtt.host."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from uSense import schema
from uSense.schema import FREE, Outline
from uSense.settings.tree import Settings

PREFIX = "USENSE_"
RESERVED = {"USENSE_CONFIG", "USENSE_NO_SKIP", "USENSE_LAB"}
"""Variables that are not settings: the command line's choice of file, and the tests' own."""


def variable(path: schema.Path) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join("<NAME>" if part == FREE else part.upper() for part in path)


def values() -> Mapping[str, Any]:
    """All settings in the environment; an empty variable counts as not set."""
    return _Variables()()


def unknown(outline: Outline, known: Mapping[str, Any]) -> list[str]:
    """Variables with our prefix that set nothing: pydantic-settings passes over them in silence."""
    found = []
    for name in sorted(set(os.environ) - RESERVED):
        path = tuple(name.lower().removeprefix(PREFIX.lower()).split("__"))
        if name.upper().startswith(PREFIX) and not schema.reaches(known, path) and outline.first_unknown(path):
            right = meant(outline, path)
            found.append(f"{name}: is not known" + (f"; did you mean {variable(right)}?" if right else ""))
    return found


def meant(outline: Outline, path: schema.Path) -> schema.Path | None:
    """The setting that a variable was probably meant for: `_` taken for `__`, or a name that is nearly right."""
    text = "_".join(path)
    for leaf, _ in sorted(outline.leaves(), key=lambda leaf: -len(leaf[0])):
        pattern = "_+".join("(.+)" if part == FREE else re.escape(part) for part in leaf)
        if found := re.fullmatch(pattern, text):
            names = iter(found.groups())
            return tuple(next(names) if part == FREE else part for part in leaf)
    right: schema.Path | None = path
    for _ in path:
        wrong = outline.first_unknown(right or ())
        if right is None or wrong is None:
            break
        nearest = outline.nearest(wrong)
        right = nearest and (*nearest, *right[len(wrong) :])
    return right


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
