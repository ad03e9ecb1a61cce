"""`person/*` on real storage: which names the commands take."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.stand_ins import Ears, Spotter
from uSense.commands import COMMANDS
from uSense.commands.base import bind, read
from uSense.control import Control
from uSense.core.errors import RequestError
from uSense.core.quality import QualityRules
from uSense.recognizers.local import LocalSettings
from uSense.storage import open_storage


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """The use cases, nobody enrolled; no model is loaded."""
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(tmp_path / "data"))
        recognizer = await stack.enter_async_context(LocalSettings().open(storage, lazily=True))
        yield Control(recognizer, Spotter(), Ears(), QualityRules(), {}, dict)


async def ask(control: Control, path: str, **fields: str) -> Any:
    """Carry out a request as it comes over MQTT."""
    call = bind(COMMANDS, path, read(json.dumps(fields).encode()))
    return await call.command.run(control, call.arguments)


@pytest.mark.parametrize("name", ["unknown", "\u3164", "An\u202ena", "", "x" * 121])
async def test_bad_names_are_refused(control: Control, name: str) -> None:
    """At creation and at a rename, with the code `bad_name`; the old name stays."""
    created = await ask(control, "person/create", name="Anna")

    for path, fields in (("person/create", {}), ("person/rename", {"person_id": "Anna"})):
        with pytest.raises(RequestError) as caught:
            await ask(control, path, name=name, **fields)
        assert caught.value.code == "bad_name"

    assert await ask(control, "person/list") == [created]


async def test_a_name_may_hold_the_signs_of_topics(control: Control) -> None:
    """Topics are made of ids, so a name may have slashes, plus signs and hashes, and is found by them."""
    await ask(control, "person/create", name="Anna/Bea + #1")

    renamed = await ask(control, "person/rename", person_id="anna/bea  + #1", name="C/D")
    call = bind(COMMANDS, "face/add/C/D", read(b"jpeg"))

    assert renamed["name"] == "C/D"
    assert (await control.find(call.arguments.person_id)).person_id == renamed["person_id"]
