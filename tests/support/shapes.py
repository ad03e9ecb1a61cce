"""Shapes of JSON values: which keys there are and what kind of values they have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.needs import ROOT

FILE = ROOT / "tests" / "cli" / "json_shapes.json"
"""A shape for each command with `--json`; for those that tell lines, of one line."""


def shapes() -> dict[str, Any]:
    """All committed shapes by the words of the command."""
    return dict(json.loads(FILE.read_text("utf-8")))


def misfits(value: Any, shape: Any, path: str = "") -> list[str]:
    """Where a value is not as its shape says.

    A shape is a text that names kinds (`number|null`, `any`), a list with the shape of its items, or a mapping; `*`
    stands for all other keys, and a key that ends with `?` may be missing.
    """
    if isinstance(shape, str):
        return [] if _kind(value) in shape.split("|") or shape == "any" else [f"{path}: {_kind(value)}, not {shape}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path}: {_kind(value)}, not a list"]
        return [bad for one in value for bad in misfits(one, shape[0], f"{path}[]")]
    if not isinstance(value, Mapping):
        return [f"{path}: {_kind(value)}, not an object"]
    bad = [f"{path}: no {key}" for key in sorted(shape) if key not in value and key != "*" and not key.endswith("?")]
    for key, below in value.items():
        known = next((name for name in (key, f"{key}?", "*") if name in shape), None)
        bad += [f"{path}: {key} is new"] if known is None else misfits(below, shape[known], f"{path}.{key}")
    return bad


def check(command: str, text: str) -> None:
    """Fail if the JSON that a command wrote has another shape than the committed one."""
    if bad := misfits(json.loads(text), shapes()[command], command):
        raise AssertionError("\n".join(bad))


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"
