"""The documents say what is there."""

from __future__ import annotations

import re

import pytest

from tests.support import documents, needs
from uSense import cli
from uSense.cli import messages
from uSense.core.prompts import ENDINGS, TEXTS
from uSense.entities.identity import IdentityPayload
from uSense.payloads.notices import NOTICES

COMMAND_LINE = (needs.ROOT / "docs" / "commands.md").read_text("utf-8")
PAGES = (
    "architecture",
    "cameras",
    "commands",
    "container",
    "enrollment",
    "evaluation",
    "face-api",
    "home-assistant",
    "install-pi",
    "keeping",
    "mqtt",
    "node-red",
    "openhab",
    "recognition",
    "visitors",
)
MQTT = (needs.ROOT / "docs" / "mqtt.md").read_text("utf-8")


def test_what_is_generated_is_up_to_date() -> None:
    """The tables of commands and settings are those that `make docs` writes."""
    assert documents.render(MQTT) == MQTT


def test_every_event_has_its_schema_and_its_row() -> None:
    """Whatever the source tells as a notice is among the models, and the document names the same."""
    sources = "".join(file.read_text("utf-8") for file in (needs.ROOT / "uSense").rglob("*.py"))
    told = set(re.findall(r"""Notice\(\s*"([a-z._]+)\"""", sources))
    table = MQTT.split("### `usense/event`", 1)[1].split("\n\n", 2)[1]
    rows = "".join(row.split("|")[1] for row in table.splitlines()[2:])

    assert told <= set(NOTICES)
    assert set(re.findall(r"`([a-z._]+)`", rows)) == set(NOTICES)


def test_every_retained_topic_has_its_schema_and_its_row() -> None:
    """The document's table of topics names all that have a schema, and those that are no JSON."""
    table = MQTT.split("## What uSense tells", 1)[1].split("\n\n", 2)[1]
    topics = {re.sub("<[a-z_]+>", "+", row.split("`")[1]) for row in table.splitlines()[2:]}

    assert {f"usense/{topic}" for topic in messages.told_topics()} <= topics


def test_every_word_of_the_command_line_is_documented() -> None:
    """The table of docs/commands.md names all commands and no others."""
    table = COMMAND_LINE.split("| command | does |", 1)[1].split("\n\n", 1)[0]
    first = "".join(row.split("|")[1] for row in table.splitlines()[2:])

    documented = set(re.findall(r"`([a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*)?)\b", first))

    assert documented == {words for words, _ in cli.COMMANDS}


def test_the_example_of_an_identity_is_valid() -> None:
    """The example has exactly the fields that are sent."""
    example = MQTT.split("### `usense/identity`", 1)[1].split("```json\n", 1)[1].split("```", 1)[0]

    parsed = IdentityPayload.model_validate_json(example)

    assert set(parsed.model_dump(exclude_none=False)) - {"replaces", "previous"} <= set(IdentityPayload.model_fields)


def test_what_an_enrollment_says_is_documented() -> None:
    """The tables of docs/enrollment.md have every code with its words."""
    document = (needs.ROOT / "docs" / "enrollment.md").read_text("utf-8")
    prompts = [f"| `{cue}` | {text} |" for cue, text in TEXTS.items()]
    endings = [f"| `{one.state}` | `{one}` | {text.replace(':.0f', '')} |" for one, text in ENDINGS.items()]

    assert [line for line in (*prompts, *endings) if line not in document] == []


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{page}.md" for page in PAGES)])
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of a document is a file of the project."""
    document = needs.ROOT / name
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8"))

    missing = [link for link in links if not (document.parent / link).exists()]

    assert missing == []
