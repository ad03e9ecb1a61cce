"""A minute of real time at S0, over HTTP, before a server that enforces the tier."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.measures.azure import most_in_a_window
from tests.peers.azure_faults import KEY, AzureFaults
from tests.peers.azure_served import served
from tests.recognizers.azureface.conftest import grace, trained
from uSense.core.quota import S0
from uSense.recognizers.azureface.account import Account
from uSense.recognizers.azureface.client import AzureFace, connect
from uSense.recognizers.azureface.ledger import place, shared
from uSense.recognizers.azureface.limiter import Limiter
from uSense.recognizers.embedders.base import Embedder

MINUTE = 60.0


async def look(client: AzureFace, names: list[str]) -> None:
    """Identify ten people at once, again and again."""
    while True:
        found = await asyncio.gather(*(client.detect(grace(number % 3)) for number in range(10)))
        answers = await client.identify([faces[0].face_id for faces in found])
        names += [each[0].person_id for each in answers]


@pytest.mark.proof
@pytest.mark.timeout(180)
async def test_a_minute_of_s0_is_used_and_never_exceeded(tmp_path: Path, embedder: Embedder) -> None:
    """Under saturation at least 90 of 100 allowed calls are made, none is refused, and everybody is named."""
    names: list[str] = []
    async with served(tmp_path / "served", embedder) as contract, AzureFaults(contract.app, S0) as azure:
        account = Account(endpoint=azure.url, key=KEY, group_id="users", tier=S0)
        async with shared(place(tmp_path, account)) as ledger, connect(account, Limiter(S0, ledger)) as client:
            await client.create_group("Users")
            anna = await client.create_person("Anna", "m-1")
            await client.add_face(anna, grace(0), None, "f-1")
            assert await trained(client) == "succeeded"
            azure.calls.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(MINUTE), asyncio.TaskGroup() as group:
                    for number in range(3):
                        group.create_task(look(client, names), name=f"look-{number}")
            figures = client.state()

    made = len(azure.calls)
    assert azure.refused == figures.usage.refused == 0
    assert most_in_a_window([call.at for call in azure.calls], S0) <= S0.calls
    assert made >= 0.9 * S0.calls * MINUTE
    assert set(names) == {anna}
    assert made <= 1.1 * len(names) + 3 * 11
