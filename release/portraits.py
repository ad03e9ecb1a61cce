"""Puts the demo's portraits, which the repository has not, into source distributions, and so into wheels of one."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = "uSense/demo/photos"
PHOTOS = {
    "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130": (
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
    ),
    "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5": ("skimage", "data/astronaut.png"),
}
"""Package and file by SHA-256: both pictures are in the public domain, another of that name is not taken."""


class Portraits(BuildHookInterface[BuilderConfig]):
    """Looks for the photos in the packages that have them; a source distribution has them already."""

    def dependencies(self) -> list[str]:
        return [] if self._packed() else ["matplotlib>=3.10", "scikit-image>=0.25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        if self._packed():
            return
        for sha256, (package, file) in PHOTOS.items():
            found = _find(package, file)
            if found is None or hashlib.sha256(found.read_bytes()).hexdigest() != sha256:
                raise RuntimeError(f"{file} of the package {package} is not there, or is another picture")
            build_data["force_include"][str(found)] = f"{HERE}/{found.name}"

    def _packed(self) -> bool:
        return Path(self.root, HERE).is_dir()


def _find(package: str, file: str) -> Path | None:
    """The file, without importing the package."""
    spec = find_spec(package)
    paths = (Path(folder, file) for folder in (spec and spec.submodule_search_locations) or ())
    return next((path for path in paths if path.is_file()), None)
