"""A running server for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.faceapi import FaceApi


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceApi]:
    """`usense face-api` with its defaults."""
    folder: Path = tmp_path_factory.mktemp("face-api")
    with FaceApi(folder) as served:
        yield served
