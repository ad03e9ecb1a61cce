"""The examples of all commands: each is understood, or refused, as it says, and fulfilled as documented."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pydantic import TypeAdapter

from tests.support.examples import example_house, shown
from uSense.commands import COMMANDS
from uSense.commands.base import FACE_ID, PICTURE, Command, Example, bind, read
from uSense.control import Control
from uSense.core.errors import RequestError
from uSense.entities.payload import encode

BINDING = {"bad_json", "bad_payload"}
"""Codes of requests that are refused before anything is done."""


Pair: TypeAlias = tuple[Command[Control, Any], Example]
EXAMPLES: list[Pair] = [(command, example) for command in COMMANDS for example in command.examples]
UNDERSTOOD = [(command, example) for command, example in EXAMPLES if example.code not in BINDING]


def shown_as(part: object) -> str:
    """A command or an example in the name of its test."""
    return part.name if isinstance(part, Command) else getattr(part, "code", "") or "ok"


def outcome(command: Command[Control, Any], example: Example) -> str:
    """What becomes of an example before anything is done: nothing, or the code of the error."""
    try:
        bind(COMMANDS, f"{command.name}/{example.rest}".rstrip("/"), read(example.encoded))
    except RequestError as error:
        return error.code
    return ""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_tells_what_it_does_and_has_examples(command: Command[Control, Any]) -> None:
    """One sentence, the type of the reply, a valid example and an invalid one."""
    assert command.about.endswith(".")
    assert "\n" not in command.about
    assert command.reply is not None
    assert {bool(example.code) for example in command.examples} == {False, True}


@pytest.mark.parametrize(("command", "example"), EXAMPLES, ids=shown_as)
def test_examples_are_understood_or_refused(command: Command[Control, Any], example: Example) -> None:
    """A valid example becomes a call; one that cannot is refused with the code that it names."""
    assert outcome(command, example) == (example.code if example.code in BINDING else "")


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    """The house of the examples."""
    async with example_house(tmp_path) as house:
        yield house


async def filled(example: Example, control: Control) -> bytes:
    """The payload with real things where examples have others in their place."""
    if example.payload == base64.b64decode(PICTURE):
        return shown()
    face_id = (await control.find("Anna")).face_ids[0]
    text = example.encoded.replace(PICTURE.encode(), base64.b64encode(shown()))
    return text.replace(FACE_ID.encode(), face_id.encode())


@pytest.mark.parametrize(("command", "example"), UNDERSTOOD, ids=shown_as)
async def test_examples_are_fulfilled_as_documented(
    control: Control, command: Command[Control, Any], example: Example
) -> None:
    """In the house of the examples each of them gets what is documented: data of the reply's type, or its error."""
    call = bind(COMMANDS, f"{command.name}/{example.rest}".rstrip("/"), read(await filled(example, control)))

    if example.code:
        with pytest.raises(RequestError) as caught:
            await call.command.run(control, call.arguments)
        assert caught.value.code == example.code
    else:
        data = await call.command.run(control, call.arguments)
        TypeAdapter(command.reply).validate_json(encode(data))
        assert json.loads(encode(data)) is not None
