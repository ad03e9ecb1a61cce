"""What docs/home-assistant.md and config/home-assistant tell Home Assistant fits what uSense sends and takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import needs
from tests.support.mqtt import context, sighting
from uSense.commands import COMMANDS, base
from uSense.core.topics import Topics
from uSense.entities.discovery import Kind, Place, Site, announced
from uSense.entities.identity import live
from uSense.payloads.notices import NOTICES

TEXT = (needs.ROOT / "docs" / "home-assistant.md").read_text("utf-8")
BLUEPRINTS = sorted((needs.ROOT / "config" / "home-assistant").glob("*.yaml"))
SITE = Site(instance="hall-pi", version="1", topics=Topics(), snapshots=True)


class Loader(yaml.SafeLoader):
    """YAML with Home Assistant's inputs."""


Loader.add_constructor("!input", lambda _, node: f"input {node.value}")


def blocks(heading: str) -> list[Any]:
    """The examples of a section."""
    section = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)]


def asked(action: dict[str, Any], **variables: str) -> base.Call[Any, Any]:
    """The command that an action publishes; the template is a JSON object of variables and literals."""
    topic, template = action["data"]["topic"], action["data"]["payload"]
    found = re.fullmatch(r"\{\{ (\{.*\}) \| to_json \}\}", template)
    fields = re.sub(r": ([a-z_.]+)", lambda one: f': "{variables[one[1]]}"', found[1]) if found else template
    return base.bind(COMMANDS, Topics().command(topic) or "", base.read(fields.encode()))


def test_the_automation_hears_identities() -> None:
    """It listens to the live topic, and its templates name fields of the payload."""
    (automation,), _ = blocks("By hand")
    [trigger], [action] = automation["trigger"], automation["action"]
    [message] = live(sighting(), context(), 0.0)
    payload = json.loads(message.payload)

    assert trigger["topic"] == message.topic
    assert trigger["value_template"] == "{{ value_json.name }}"
    assert payload["name"] == trigger["payload"] == "Anna"
    assert set(re.findall(r"payload_json\.(\w+)", action["data"]["message"])) <= payload.keys()


def test_a_voice_begins_an_enrollment() -> None:
    """The automation asks for what is understood."""
    _, (automation,) = blocks("By hand")

    call = asked(automation["action"][0], **{"trigger.slots.name": "Anna"})

    assert call.command.name == "enroll/start"


def test_scripts_in_place_of_microsoft_face_ask_for_what_is_understood() -> None:
    """Each of the old services is a command, with the right fields."""
    [document] = blocks("Who lost `microsoft_face`")
    variables = {"name": "Anna", "person": "Anna", "camera": "hall"}

    calls = {name: asked(one["sequence"][0], **variables) for name, one in document["script"].items()}

    assert {name: call.command.name for name, call in calls.items()} == {
        "create_person": "person/create",
        "face_person": "face/add",
        "train_group": "train",
        "delete_person": "person/delete",
    }


@pytest.mark.parametrize("file", BLUEPRINTS, ids=lambda file: file.stem)
def test_blueprints_read_what_is_sent(file: Path) -> None:
    """The fields of events and the attributes of the entity that a blueprint names are those that uSense tells."""
    text = file.read_text("utf-8")
    blueprint = yaml.load(text, Loader)  # noqa: S506 - a safe loader with one more tag
    places = [Place(Kind.SERVICE)]
    [event] = [one for topic, one in announced("component", places, SITE).items() if topic.startswith("event/")]
    attributes = set(re.findall(r"'(\w+)':", event["value_template"]))
    kinds = [one["payload"] for one in blueprint["trigger"] if one["platform"] == "mqtt"]
    fields = [{*NOTICES[kind][0].model_fields, "type", "at"} for kind in kinds]

    assert f"({file.stem}.yaml)" in TEXT.replace("../config/home-assistant/", "")
    assert set(re.findall(r"attributes\.(\w+)", text)) <= attributes
    assert all(set(re.findall(r"payload_json\.(\w+)", text)) <= one for one in fields)
    assert "lock" not in json.dumps(blueprint["action"])
