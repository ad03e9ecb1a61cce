"""A data folder, open or not, and the rights of an ordinary user."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from uSense.storage import Storage, open_storage

NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
async def storage(folder: Path) -> AsyncIterator[Storage]:
    """The data folder, opened."""
    async with open_storage(folder) as storage:
        yield storage


@pytest.fixture
def ordinary_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of a user whom file modes bind: root gives up its rights for the time of the test."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    os.seteuid(NOBODY)
    try:
        place = Path(tempfile.mkdtemp())
        yield place
    finally:
        os.seteuid(0)
    shutil.rmtree(place)
