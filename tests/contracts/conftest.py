"""The kinds of vault there are, and what else storage opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.support.vault import MemoryVault
from uSense.ports import Groups, Twins, Vault
from uSense.storage import Storage, open_storage


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Vault]:
    """The product's."""
    async with open_storage(folder) as storage:
        yield storage.vault


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Vault]:
    """The tests'."""
    yield MemoryVault()


@pytest.fixture(params=[sqlite, memory], ids=lambda maker: maker.__name__)
async def vault(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Vault]:
    """An empty vault of each kind."""
    maker: AbstractAsyncContextManager[Vault] = request.param(tmp_path / "data")
    async with maker as vault:
        yield vault


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """An empty data folder, opened."""
    async with open_storage(tmp_path / "data") as storage:
        yield storage


@pytest.fixture
def groups(storage: Storage) -> Groups:
    """No group yet."""
    return storage.groups


@pytest.fixture
def twins(storage: Storage) -> Twins:
    """Nobody is linked; `storage.vault` has the people."""
    return storage.twins
