"""What a check of `usense doctor` finds: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do about it."""

    check: str
    state: Literal["ok", "warning", "problem"]
    text: str
    todo: str = ""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", text)


def warning(check: str, text: str, todo: str = "") -> Finding:
    """It works, but not as it should, or could not be looked at."""
    return Finding(check, "warning", text, todo)


def problem(check: str, text: str, todo: str = "") -> Finding:
    """It does not work; what to do is in the text or in `todo`."""
    return Finding(check, "problem", text, todo)
