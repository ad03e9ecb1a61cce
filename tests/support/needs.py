"""What a test needs from the machine: where it is missing, the test is skipped with the reason."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
"""Where programs are looked for: Debian keeps servers out of a normal user's PATH."""


def missing(reason: str) -> NoReturn:
    """End the test: skipped, or failed if `USENSE_NO_SKIP=1` says that this machine has everything."""
    if os.environ.get("USENSE_NO_SKIP") == "1":
        pytest.fail(f"USENSE_NO_SKIP is set, but {reason}", pytrace=False)
    pytest.skip(reason)


def program(name: str, package: str) -> str:
    """Path of an installed program."""
    return shutil.which(name, path=SBIN) or missing(f"{name} is not installed: apt install {package}")


def folder(path: Path) -> Path:
    """An existing folder beside the repository."""
    if not path.is_dir():
        missing(f"there is no folder ../{path.relative_to(ROOT.parent)} beside the repository")
    return path
