"""Settings files of tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from uSense.core.errors import SettingsError
from uSense.settings import load


def write(text: str, path: str = "given.yaml") -> Path:
    """A settings file below the working directory."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def refusal(text: str) -> list[str]:
    """The lines with which a file is refused, without its name."""
    with pytest.raises(SettingsError) as caught:
        load(write(text))
    return [
        line.removeprefix("given.yaml").removeprefix(", ").removeprefix(": ") for line in str(caught.value).split("\n")
    ]
