"""The environment without any settings in it."""

from __future__ import annotations

import os

import pytest


def clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the variables of whoever runs the tests."""
    for name in list(os.environ):
        if name.upper().startswith("USENSE_"):
            monkeypatch.delenv(name)
