"""Requests from anybody: each one gets exactly one answer, with a code, and the service goes on."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.fuzz.corpus import JSON, fuzzed, pictures, spoiled
from tests.support.portraits import GRACE, jpeg, pose
from tests.support.stand_ins import Ears
from tests.support.vault import MemoryHouse, MemoryVault
from uSense import aio
from uSense.commands import COMMANDS
from uSense.control import Control
from uSense.core.quality import QualityRules
from uSense.core.topics import Topics
from uSense.detectors.hog import HogSettings
from uSense.entities import Message
from uSense.mqtt.authority import Authority, CommandSettings
from uSense.mqtt.dispatch import Dispatcher
from uSense.mqtt.link import Request
from uSense.recognizers.local import LocalSettings

LARGEST = 1_000_000
NAMES = sorted(command.name for command in COMMANDS)
FIELDS = sorted({field for command in COMMANDS for field in command.payload.model_fields} | {"transaction", "x"})
PORTRAIT = jpeg(pose(GRACE, 1))


class Desk(Ears):
    """Where answers arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Message] = []
        self.answered = asyncio.Event()

    def answer(self, message: Message) -> None:
        self.answers.append(message)
        self.answered.set()


class Office:
    """The real dispatcher, commands and recognizer, with a vault in memory."""

    def __init__(self, desk: Desk, dispatcher: Dispatcher) -> None:
        self._desk = desk
        self._dispatcher = dispatcher

    async def ask(self, request: Request, answers: int = 1) -> list[Message]:
        """Everything, but so much at least, that is answered to a request until a later one is answered."""
        desk = self._desk
        desk.answers.clear()
        desk.events.clear()
        self._dispatcher.offer(request)
        end = Request("usense/command/person/list", b'{"transaction": "the end"}')
        self._dispatcher.offer(end)
        async with asyncio.timeout(60):
            while not any(b'"the end"' in one.payload for one in desk.answers) or len(desk.answers) <= answers:
                desk.answered.clear()
                await desk.answered.wait()
        return [one for one in desk.answers if b'"the end"' not in one.payload]


@asynccontextmanager
async def opened() -> AsyncIterator[Office]:
    """An open office with two people in the vault."""
    desk, vault = Desk(), MemoryVault()
    await vault.create_person("Anna")
    await vault.create_person("Bea")
    dispatcher = Dispatcher(Topics(), LARGEST, desk)
    dispatcher.authority = Authority(CommandSettings(secret=SecretStr("k" * 16)))
    async with HogSettings(kind="hog").open() as detector, LocalSettings().open(MemoryHouse(vault)) as recognizer:
        control = Control(recognizer, detector, desk, QualityRules(), {"hall": aio.Switch()}, dict)
        served = asyncio.create_task(dispatcher.serve(COMMANDS, control), name="serve")
        yield Office(desk, dispatcher)
        served.cancel()
        await asyncio.wait((served,))


@pytest.fixture(scope="module")
def office() -> Iterator[tuple[asyncio.Runner, Office]]:
    """The office, and the loop that it works in."""
    with asyncio.Runner() as runner:
        context = opened()
        yield runner, runner.run(context.__aenter__())
        runner.run(context.__aexit__(None, None, None))


IMAGES = spoiled(st.sampled_from([*pictures(), PORTRAIT]), most=2)
VALUES = (
    JSON
    | st.sampled_from(["Anna", "Bea", "hall", "", "\ud800", "k" * 600])
    | IMAGES.map(lambda data: base64.b64encode(data).decode())
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4).map(lambda value: json.dumps(value).encode())
PAYLOADS = OBJECTS | spoiled(OBJECTS, most=3) | JSON.map(lambda value: json.dumps(value).encode()) | IMAGES
PAYLOADS |= st.binary(max_size=50) | st.just(b"{" * 5000) | st.just(b"x" * (LARGEST + 1))
STAMP = {"ts": "1795600000", "nonce": "nonce-01", "sig": "0" * 64, "payload": "{}", "transaction": "k"}
ENVELOPES = st.fixed_dictionaries({}, optional={name: JSON | st.just(value) for name, value in STAMP.items()})
PAYLOADS |= ENVELOPES.map(lambda value: json.dumps(value).encode())
PATHS = st.sampled_from(NAMES) | st.sampled_from(NAMES).map(lambda name: f"{name}/Anna")
PATHS |= st.text(st.characters(codec="utf-8", exclude_characters="+#\0"), min_size=1, max_size=30)


@fuzzed(250)
@given(path=PATHS, payload=PAYLOADS)
def test_every_request_gets_one_answer(office: tuple[asyncio.Runner, Office], path: str, payload: bytes) -> None:
    """Data or an error with a code and a sentence, as JSON, on the topic of the command."""
    runner, desk = office

    (answer,) = runner.run(desk.ask(Request(f"usense/command/{path}", payload)))

    assert answer.topic == f"usense/response/{path}".rstrip("/")
    reply: dict[str, Any] = json.loads(answer.payload)
    if reply["status"] == "error":
        assert reply["error"]["code"].replace("_", "").isalpha()
        assert reply["error"]["message"]
    else:
        assert reply["status"] == "ok"
        assert "data" in reply


@fuzzed(50)
@given(path=PATHS, payload=PAYLOADS.filter(bool))
def test_a_retained_request_is_not_carried_out(
    office: tuple[asyncio.Runner, Office], path: str, payload: bytes
) -> None:
    """It would come again at every connection: whatever it asks for, nothing is answered."""
    runner, desk = office

    answers = runner.run(desk.ask(Request(f"usense/command/{path}", payload, retain=True), answers=0))

    assert answers == []
