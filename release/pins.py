"""What is pinned in requirements/."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
"""For which is looked whether packages can be installed."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of a package, and the SHA-256 of each of its files that may be installed."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> NormalizedName:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")

    def on_linux(self, python: str) -> bool:
        """Whether it is installed on Linux by this Python."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(
            {
                "implementation_name": "cpython",
                "os_name": "posix",
                "platform_python_implementation": "CPython",
                "platform_system": "Linux",
                "python_full_version": f"{python}.9",
                "python_version": python,
                "sys_platform": "linux",
            }
        )


def pins(name: str) -> Iterator[Pin]:
    """The pins of requirements/<name>.txt."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement, *hashes = line.split("--hash=sha256:")
        yield Pin(Requirement(requirement.strip()), tuple(map(str.strip, hashes)))
