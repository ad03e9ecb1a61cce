"""The documents say what is there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.support import documents, needs
from tests.support.mqtt import context, sighting
from uSense import cli
from uSense.cli import messages
from uSense.commands import COMMANDS, base
from uSense.commands.enroll import Start
from uSense.core.prompts import ENDINGS, TEXTS
from uSense.core.stats import Stats
from uSense.core.topics import Topics
from uSense.entities.identity import IdentityPayload, live
from uSense.health import Health
from uSense.payloads.enrolling import EnrollFinished, EnrollPrompt
from uSense.payloads.notices import NOTICES
from uSense.schema import Branch

COMMAND_LINE = (needs.ROOT / "docs" / "commands.md").read_text("utf-8")
PAGES = (
    "architecture",
    "cameras",
    "commands",
    "enrollment",
    "evaluation",
    "face-api",
    "keeping",
    "mqtt",
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


def home_assistant() -> list[Any]:
    """What the document tells to put into Home Assistant's files."""
    section = MQTT.split("### Home Assistant\n", 1)[1].split("\n### ", 1)[0]
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)]


def rendered(template: str, payload: bytes) -> str:
    """What Home Assistant makes of a template that is one field of a JSON payload."""
    found = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", template)
    assert found is not None
    return str(json.loads(payload)[found[1]])


def test_the_automation_for_home_assistant_fits_what_is_sent() -> None:
    """It hears the live topic, and its templates name fields of the payload."""
    (automation,), _ = home_assistant()
    [trigger], [action] = automation["triggers"], automation["actions"]

    [message] = live(sighting(), context(), 0.0)

    assert trigger["topic"] == message.topic
    assert rendered(trigger["value_template"], message.payload) == trigger["payload"] == "Anna"
    fields = re.findall(r"trigger\.payload_json\.(\w+)", action["data"]["message"])
    assert fields
    assert set(fields) <= set(IdentityPayload.model_fields)


def test_the_entities_for_home_assistant_fit_what_is_sent() -> None:
    """The sensor reads a field of health, the button sends a command that is understood, both know who is offline."""
    _, entities = home_assistant()
    [sensor], [button] = entities["mqtt"]["sensor"], entities["mqtt"]["button"]
    topics = Topics()

    health = json.dumps(Health(Stats(), dict, dict).report()).encode()
    call = base.bind(
        COMMANDS, topics.command(button["command_topic"]) or "", base.read(button["payload_press"].encode())
    )

    assert sensor["state_topic"] == sensor["json_attributes_topic"] == topics.of("health")
    assert rendered(sensor["value_template"], health) == "ok"
    assert call.command.name == "train"
    assert sensor["availability_topic"] == button["availability_topic"] == topics.status


def test_what_an_enrollment_says_is_documented() -> None:
    """The tables of docs/enrollment.md have every code with its words."""
    document = (needs.ROOT / "docs" / "enrollment.md").read_text("utf-8")
    prompts = [f"| `{cue}` | {text} |" for cue, text in TEXTS.items()]
    endings = [f"| `{one.state}` | `{one}` | {text.replace(':.0f', '')} |" for one, text in ENDINGS.items()]

    assert [line for line in (*prompts, *endings) if line not in document] == []


def test_the_automations_of_enrollment_fit_what_is_sent() -> None:
    """They hear the events and speak a field of them, and ask with a payload that is understood."""
    document = (needs.ROOT / "docs" / "enrollment.md").read_text("utf-8")
    events = [json.loads(line) for line in document.split("```json\n", 1)[1].split("```", 1)[0].splitlines()]
    (speak,), (ask,) = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", document, re.DOTALL))

    for event, trigger in zip(events, speak["triggers"], strict=True):
        assert trigger["topic"] == Topics().event
        assert rendered(trigger["value_template"], json.dumps(event).encode()) == trigger["payload"] == event["type"]
    models: list[type[Branch]] = [EnrollPrompt, EnrollFinished]
    for event, model in zip(events, models, strict=True):
        model.model_validate({key: value for key, value in event.items() if key not in {"type", "at"}})
        assert "text" in model.model_fields
    asked = ask["actions"][0]["data"]
    command = Topics().command(asked["topic"])
    assert command == "enroll/start"
    assert set(re.findall(r'"(\w+)":', asked["payload"])) <= set(Start.model_fields)


@pytest.mark.parametrize("name", ["README.md", *(f"docs/{page}.md" for page in PAGES)])
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of a document is a file of the project."""
    document = needs.ROOT / name
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8"))

    missing = [link for link in links if not (document.parent / link).exists()]

    assert missing == []
