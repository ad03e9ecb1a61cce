"""The browser of tests/browser/lab, and people who are enrolled already."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.window import Chromium
from tests.peers.household import Household
from tests.support import needs
from tests.support.portraits import EILEEN, jpeg, pose
from uSense.core.models import Rgb

LAB = Path(os.environ.get("USENSE_LAB") or Path.home() / ".cache" / "usense-lab") / "browser"
SHOTS = os.environ.get("USENSE_SHOTS")
POSES = 13
HOLD = 20
"""Pictures of a film for which somebody stays in a pose; there are 30 a second."""


@pytest.fixture
async def chromium() -> AsyncIterator[Chromium]:
    """A browser that runs."""
    async with _browser() as running:
        yield running


@pytest.fixture
async def booth(tmp_path: Path) -> AsyncIterator[Chromium]:
    """A browser before whose own camera Eileen stands and moves."""
    film = tmp_path / "eileen.mjpeg"
    film.write_bytes(b"".join(jpeg(_posed(number // HOLD)) for number in range(POSES * HOLD)))
    async with _browser(film) as running:
        yield running


def _posed(number: int) -> Rgb:
    return np.asarray(Image.fromarray(pose(EILEEN, number)).resize((480, 480)))


def _browser(film: Path | None = None) -> Chromium:
    program = os.environ.get("USENSE_CHROMIUM") or shutil.which("chromium")
    axe = LAB / "node_modules" / "axe-core" / "axe.min.js"
    if program is None or not axe.is_file() or find_spec("playwright") is None:
        needs.missing("the browser is not set up: tests/browser/lab setup")
    return Chromium(program, axe.read_text("utf-8"), Path(SHOTS) if SHOTS else None, film)


@pytest.fixture(scope="session")
def household(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """People who are enrolled already."""
    return Household(tmp_path_factory.mktemp("household"))
