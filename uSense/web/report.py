"""A report of a bug: what helps those who look for it, without what is private."""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import zipfile
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uSense import __version__, pi
from uSense.core.given import Given
from uSense.core.redacting import Redactor

FILES = ("README.txt", "log.txt", "health.json", "settings.txt", "versions.txt")
"""What is always in it."""
FINDINGS = "doctor.json"
"""What is in it for whoever asks for it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a report finds what only the service knows."""

    lines: Callable[[], Sequence[str]]
    """The latest lines of the log."""
    secrets: Callable[[], Collection[str]]
    """Passwords and keys of the settings, which must not be in it."""
    places: Callable[[], Collection[str]]
    """Names of machines of the house."""
    examine: Callable[[], Awaitable[str]]
    """Runs `usense doctor` and returns what it found; takes its time."""


def redactor(evidence: Evidence, people: Mapping[str, str]) -> Redactor:
    """Knows everything that must not be in a report; `people` are ids by all names, of those who are gone, too."""
    return Redactor(people, evidence.secrets(), evidence.places())


def packed(
    clean: Redactor, about: str, health: Mapping[str, Any], given: Sequence[Given], evidence: Evidence, findings: str
) -> bytes:
    """The report as a ZIP file; `about` says what is in it. Blocks for a moment."""
    settings = "\n".join(f"{row.name}: {row.value}  # {row.origin or '?'}" for row in given)
    texts = {
        "README.txt": about,
        "log.txt": clean.clean("\n".join(evidence.lines())),
        "health.json": clean.clean(json.dumps(health, indent=1, ensure_ascii=False)),
        "settings.txt": clean.clean(settings),
        "versions.txt": _versions(),
    }
    if findings:
        texts[FINDINGS] = clean.clean(findings)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text + "\n")
    return file.getvalue()


def _versions() -> str:
    """Of uSense, Python, the machine, and every library."""
    libraries = sorted({f"{one.name} {one.version}" for one in importlib.metadata.distributions()}, key=str.lower)
    machine = f"{pi.model() or platform.system()} ({platform.machine()}), {platform.release()}"
    return "\n".join([f"usense {__version__}", f"Python {platform.python_version()}", machine, "", *libraries])
