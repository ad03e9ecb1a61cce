"""What the tests of this folder run beside uSense."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

BLUEPRINTS = Path(__file__).resolve().parents[2] / "config" / "home-assistant"
FLOW = Path(__file__).resolve().parents[2] / "config" / "node-red" / "usense.json"
DEVICE_BASED = (2024, 11)
"""The first Home Assistant that knows device-based discovery."""


@dataclass(frozen=True)
class Lab:
    """Where the installed programs are: the Python of Home Assistant's environment, and Node-RED's script."""

    python: tuple[str, ...]
    node_red: Path

    @cached_property
    def version(self) -> str:
        """Of Home Assistant."""
        asked = (*self.python, "-c", "from homeassistant.const import __version__; print(__version__)")
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()

    @property
    def style(self) -> str:
        """The format of discovery for it."""
        year, month = (int(part) for part in self.version.split(".")[:2])
        return "device" if (year, month) >= DEVICE_BASED else "component"
