"""What the tests of the container image share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers import container
from tests.peers.container import Engine


@pytest.fixture(scope="session")
def podman() -> Iterator[Engine]:
    """A session of podman that has the image."""
    with container.engine() as engine:
        yield engine
