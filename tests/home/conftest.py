"""The programs of tests/home/lab, and how long their tests may take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.home.parts import Lab
from tests.support import needs

FOLDER = Path(os.environ.get("USENSE_LAB") or Path.home() / ".cache" / "usense-lab")


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The installed Home Assistant, which `USENSE_HOME_PYTHON` may name, and Node-RED."""
    python = (os.environ.get("USENSE_HOME_PYTHON") or str(FOLDER / "home-assistant" / "bin" / "python")).split()
    node_red = FOLDER / "node-red" / "node_modules" / "node-red" / "red.js"
    for file in (Path(python[0]), node_red):
        if not file.is_file():
            needs.missing("Home Assistant and Node-RED are not set up: tests/home/lab setup")
    return Lab(tuple(python), node_red)
