"""What every test has: no blocking calls on the event loop, and the real parts it asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from tests.peers.faceapi import FaceApi
from tests.peers.mosquitto import Mosquitto
from tests.support import needs
from uSense.storage import Storage, open_storage

if TYPE_CHECKING:
    from tests.support.porch import Porch

# Hundreds of processes are started: each that has to compile its modules first takes twice as long to be there.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if find_spec("hypothesis"):  # tests/pi/lab has none
    from hypothesis import HealthCheck, settings

    # How long an example takes says more about the machine than about what is tested.
    settings.register_profile("usense", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("usense")

LONG = ("tests/service/", "tests/demo/test_show.py", "tests/pi/", "tests/cli/", "tests/faceapi/", "tests/recognizers/")
"""Where a file takes longest, longest first: begun last, one of them would be waited for at the end by all others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first."""
    items.sort(key=lambda item: next((at for at, place in enumerate(LONG) if item.nodeid.startswith(place)), len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """A blocking call of uSense on a running event loop raises BlockingError; what tests do themselves is allowed."""
    with blockbuster_ctx("uSense") as guard:
        # Measuring coverage takes a lock of its own for a moment, wherever the code is that is measured.
        guard.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
        yield guard


@pytest.fixture(scope="session")
def faces() -> Path:
    """The folder of labelled photos."""
    return needs.folder(needs.SHARED / "faces")


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of model weights."""
    return needs.folder(needs.SHARED / "models")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A fresh, running broker that lets everybody in."""
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture(scope="session")
def face_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceApi]:
    """A running `usense face-api`, for tests with groups of their own."""
    with FaceApi(tmp_path_factory.mktemp("face-api")) as served:
        yield served


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """An open data folder."""
    async with open_storage(tmp_path / "data") as storage:
        yield storage


@pytest.fixture
def porch(storage: Storage) -> Porch:
    """A camera in front of which people come and go."""
    from tests.support.porch import Porch  # noqa: PLC0415 - tests/pi/lab has not all that it needs

    return Porch(storage.visitors)
