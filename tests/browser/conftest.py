"""The browser of tests/browser/lab, and people who are enrolled already."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser.window import Chromium
from tests.peers.household import Household
from tests.support import needs

LAB = Path(os.environ.get("USENSE_LAB") or Path.home() / ".cache" / "usense-lab") / "browser"
SHOTS = os.environ.get("USENSE_SHOTS")


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    """A browser that runs."""
    program = os.environ.get("USENSE_CHROMIUM") or shutil.which("chromium")
    axe = LAB / "node_modules" / "axe-core" / "axe.min.js"
    if program is None or not axe.is_file() or find_spec("playwright") is None:
        needs.missing("the browser is not set up: tests/browser/lab setup")
    async with Chromium(program, axe.read_text("utf-8"), Path(SHOTS) if SHOTS else None) as running:
        yield running


@pytest.fixture(scope="session")
def household(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """People who are enrolled already."""
    return Household(tmp_path_factory.mktemp("household"))
