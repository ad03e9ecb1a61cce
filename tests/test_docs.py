"""The documents say what is there."""

from __future__ import annotations

import re

import pytest

from tests.support import needs
from uSense import cli
from uSense.commands import COMMANDS
from uSense.entities.identity import IdentityPayload

COMMAND_LINE = (needs.ROOT / "docs" / "commands.md").read_text("utf-8")
PAGES = ("architecture", "cameras", "commands", "evaluation", "mqtt", "recognition")
MQTT = (needs.ROOT / "docs" / "mqtt.md").read_text("utf-8")


def test_every_command_is_documented() -> None:
    """The table of docs/mqtt.md names all commands and no others."""
    table = MQTT.split("| command | arguments |", 1)[1].split("\n\n", 1)[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]

    documented = {name for row in rows for name in re.findall(r"`([a-z/]+)`", row)}

    assert documented == {command.name for command in COMMANDS}


def test_every_word_of_the_command_line_is_documented() -> None:
    """The table of docs/commands.md names all commands and no others."""
    table = COMMAND_LINE.split("| command | does |", 1)[1].split("\n\n", 1)[0]
    first = "".join(row.split("|")[1] for row in table.splitlines()[2:])

    documented = set(re.findall(r"`([a-z]+(?: [a-z]+(?:-[a-z]+)*)?)\b", first))

    assert documented == {words for words, _ in cli.COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_argument_is_documented(command: object) -> None:
    """Each field of each payload is named in the command's row."""
    name, payload = command.name, command.payload  # type: ignore[attr-defined] # pytest knows no types
    (row,) = (line for line in MQTT.splitlines() if re.match(r"\| .*`" + re.escape(name) + "`", line))

    assert all(f"`{field}`" in row for field in payload.model_fields)


def test_the_example_of_an_identity_is_valid() -> None:
    """The example has exactly the fields that are sent."""
    example = MQTT.split("### `usense/identity`", 1)[1].split("```json\n", 1)[1].split("```", 1)[0]

    parsed = IdentityPayload.model_validate_json(example)

    assert set(parsed.model_dump(exclude_none=False)) - {"replaces", "previous"} <= set(IdentityPayload.model_fields)


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{page}.md" for page in PAGES)])
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of a document is a file of the project."""
    document = needs.ROOT / name
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8"))

    missing = [link for link in links if not (document.parent / link).exists()]

    assert missing == []
