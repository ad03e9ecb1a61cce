"""All settings of uSense in one tree, where they come from, and what they lead to on this machine."""

from __future__ import annotations

from uSense.settings.loading import Loaded, load, trace
from uSense.settings.tree import LogSettings, Settings

__all__ = ["Loaded", "LogSettings", "Settings", "load", "trace"]
