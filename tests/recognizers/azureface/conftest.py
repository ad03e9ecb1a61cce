"""A client and a fault server before the contract, both in a hurry."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from tests.peers.azure_contract import Contract
from tests.peers.azure_faults import KEY, AzureFaults
from uSense.core import quota
from uSense.core.quota import Tier
from uSense.recognizers.azureface.account import Account
from uSense.recognizers.azureface.client import AzureFace, connect
from uSense.recognizers.azureface.limiter import Limiter

QUICK = Tier(50, 0.02)


@dataclass(frozen=True)
class House:
    """A client, and what it talks to."""

    client: AzureFace
    azure: AzureFaults
    contract: Contract
    limiter: Limiter


def no_pauses() -> Iterator[float]:
    """For clients whose tries need no rest."""
    return itertools.repeat(0.0)


@pytest.fixture
def contract() -> Contract:
    """Groups in memory."""
    return Contract()


@pytest.fixture
async def azure(contract: Contract) -> AsyncIterator[AzureFaults]:
    """The fault server, obedient until told otherwise."""
    async with AzureFaults(contract.app) as server:
        yield server


@pytest.fixture
async def house(contract: Contract, azure: AzureFaults, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A client with a group, which does not rest between tries."""
    monkeypatch.setattr(quota, "LONGEST_PAUSE", 0.02)
    account = Account(endpoint=azure.url, key=KEY, group_id="users", tier=QUICK, timeout=5.0)
    limiter = Limiter(account.tier)
    async with connect(account, limiter, pauses=no_pauses) as client:
        await client.create_group("Users")
        azure.calls.clear()
        yield House(client, azure, contract, limiter)
