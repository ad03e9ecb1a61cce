"""A house whose pages are visited: each test file replaces what it needs otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.examples import example_house
from tests.support.site import Browser, Site
from uSense.control import Control


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """Anna is enrolled with a kept photo, Bea has none."""
    async with example_house(tmp_path / "house", keep_crops=True) as house:
        yield house


@pytest.fixture
async def site(control: Control, tmp_path: Path) -> AsyncIterator[Site]:
    """Their pages."""
    async with Site(tmp_path, control) as site:
        yield site


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    """Somebody who is logged in."""
    async with site.browser(logged_in=True) as browser:
        yield browser
