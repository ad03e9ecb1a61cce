"""A client, and a fault server before the contract as uSense serves it, both in a hurry."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.peers.azure_faults import KEY, AzureFaults
from tests.peers.azure_served import Served, served
from tests.recognizers.azureface.clouds import cloud, opening, storage, values
from tests.support import portraits
from tests.support.remembering import Remembering
from uSense.core import quota
from uSense.core.models import Rgb
from uSense.core.quota import Tier
from uSense.recognizers.azureface.account import Account
from uSense.recognizers.azureface.client import AzureFace, connect
from uSense.recognizers.azureface.limiter import Limiter
from uSense.recognizers.embedders.base import Embedder

__all__ = ["cloud", "opening", "storage", "values"]
QUICK = Tier(50, 0.02)
NOBODY = portraits.jpeg(np.random.default_rng(1).integers(90, 110, (200, 200, 3), np.uint8))
"""A picture without a face."""


@dataclass(frozen=True)
class House:
    """A client, and what it talks to."""

    client: AzureFace
    azure: AzureFaults
    served: Served
    limiter: Limiter


@cache
def grace(number: int) -> bytes:
    """A photo of one person."""
    return portraits.jpeg(_small(portraits.pose(portraits.GRACE, number)))


@cache
def eileen(number: int) -> bytes:
    """A photo of another one."""
    return portraits.jpeg(_small(portraits.pose(portraits.EILEEN, number)))


def _small(photo: Rgb) -> Rgb:
    return np.asarray(Image.fromarray(photo).resize((200, 200), Image.Resampling.LANCZOS))


def no_pauses() -> Iterator[float]:
    """For clients whose tries need no rest."""
    return itertools.repeat(0.0)


async def trained(client: AzureFace) -> str:
    """Train, and wait for the end: its state."""
    await client.train()
    async with asyncio.timeout(30):
        while (training := await client.training()).state == "running":
            pass
    return training.state


@pytest.fixture(scope="session")
def remembering(embedder: Embedder) -> Remembering:
    """The net, which sees each photo of these tests once."""
    return Remembering(embedder)


@pytest.fixture
async def backend(tmp_path: Path, remembering: Remembering) -> AsyncIterator[Served]:
    """The contract."""
    async with served(tmp_path / "served", remembering) as contract:
        yield contract


@pytest.fixture
async def azure(backend: Served) -> AsyncIterator[AzureFaults]:
    """The fault server, obedient until told otherwise."""
    async with AzureFaults(backend.app) as server:
        yield server


@pytest.fixture
async def house(backend: Served, azure: AzureFaults, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A client with a group, which does not rest between tries."""
    monkeypatch.setattr(quota, "LONGEST_PAUSE", 0.02)
    account = Account(endpoint=azure.url, key=KEY, group_id="users", tier=QUICK, timeout=30.0)
    limiter = Limiter(account.tier)
    async with connect(account, limiter, pauses=no_pauses) as client:
        await client.create_group("Users")
        azure.calls.clear()
        yield House(client, azure, backend, limiter)
