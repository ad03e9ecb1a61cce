"""The Azure recognizer over an empty house, with the served API behind the fault server as its cloud."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.peers.azure_faults import AzureFaults
from tests.peers.azure_proxy import proxy
from tests.peers.faceapi import FaceApi
from tests.recognizers.azureface.accounts import account
from tests.recognizers.probes import grace
from uSense.core.breaker import Breaker, BreakerRules
from uSense.core.models import Answer
from uSense.ports import Recognizer
from uSense.recognizers import azure as module
from uSense.recognizers.azure import AzureSettings
from uSense.recognizers.azureface import caller
from uSense.recognizers.azureface.client import connect
from uSense.storage import Storage, open_storage

Opening = Callable[..., AbstractAsyncContextManager[Recognizer]]


@pytest.fixture
async def cloud(face_api: FaceApi) -> AsyncIterator[AzureFaults]:
    """The served API behind the fault server."""
    async with AzureFaults(proxy(face_api)) as faults:
        yield faults


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """An empty house."""
    async with open_storage(tmp_path) as opened:
        yield opened


@pytest.fixture
def values(face_api: FaceApi, cloud: AzureFaults) -> dict[str, Any]:
    """Settings for a group of one's own, reached through the fault server."""
    return account(face_api) | {"endpoint": cloud.url}


@pytest.fixture
def opening(storage: Storage, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Opening:
    """To open a recognizer that does not rest between tries, with further settings."""
    monkeypatch.setattr(module, "connect", partial(connect, pauses=partial(itertools.repeat, 0.0)))
    monkeypatch.setattr(caller, "Breaker", lambda *_: Breaker(BreakerRules(first=0.0)))

    @asynccontextmanager
    async def opened(*, lazily: bool = True, keep_crops: bool = True, **settings: Any) -> AsyncIterator[Recognizer]:
        chosen = AzureSettings.model_validate(values | settings)
        async with chosen.open(storage, lazily=lazily, keep_crops=keep_crops) as recognizer:
            yield recognizer

    return opened


async def enrolled(azure: Recognizer) -> str:
    """Grace from two pictures, trained; returns her id."""
    person = await azure.create_person("Grace Hopper", "rear admiral")
    for number in range(2):
        await azure.add_face(person.person_id, grace(number))
    await azure.train()
    return person.person_id


def who(answers: list[Answer]) -> list[list[str]]:
    """Names of all candidates."""
    return [[candidate.name for candidate in answer.candidates] for answer in answers]
