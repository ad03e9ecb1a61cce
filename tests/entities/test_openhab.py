"""What uSense announces lies within what openHAB's MQTT binding documents of Home Assistant's discovery."""

from __future__ import annotations

import json
import re

import pytest

from uSense.core.topics import Topics
from uSense.entities.discovery import Kind, Place, Site, announced

PLACES = [Place(Kind.SERVICE), Place(Kind.CAMERA, "hall", "hall"), Place(Kind.PERSON, "4b33f1c2", "Anna")]
COMMON = {
    *("name", "unique_id", "object_id", "default_entity_id", "device", "origin", "qos", "icon", "entity_category"),
    *("availability", "availability_mode", "json_attributes_topic", "json_attributes_template"),
}
"""Options that all components have; those that are only for looks are passed over."""
OPTIONS = {
    "binary_sensor": {"state_topic", "value_template", "device_class"},
    "button": {"command_topic", "payload_press"},
    "event": {"state_topic", "value_template", "event_types"},
    "number": {"state_topic", "value_template", "command_topic", "command_template", "min", "max", "step", "mode"},
    "select": {"state_topic", "value_template", "command_topic", "command_template", "options"},
    "sensor": {"state_topic", "value_template", "device_class", "state_class", "unit_of_measurement"},
    "switch": {"state_topic", "value_template", "state_on", "state_off", "command_topic", "payload_on", "payload_off"},
}
"""The documented components that uSense uses, with the documented options it uses."""


@pytest.mark.parametrize("snapshots", [False, True])
def test_components_are_in_the_documented_subset(snapshots: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Each message is of a documented component with documented options; only the image is not, and is left out."""
    site = Site(instance="hall-pi", version="1.2", topics=Topics(), snapshots=snapshots)
    told = announced("component", PLACES, site)
    unknown = {topic.split("/")[0] for topic in told} - OPTIONS.keys()

    assert unknown == ({"image"} if snapshots else set())
    for topic, payload in told.items():
        component = topic.split("/")[0]
        if component in OPTIONS:
            assert payload.keys() <= COMMON | OPTIONS[component], topic
        assert re.fullmatch(r"[a-z_]+/[\w-]+/[\w-]+/config", topic)
        assert payload["device"]["identifiers"]
        assert {one["topic"] for one in payload["availability"]} <= {"usense/status", "usense/camera/hall/status"}


def test_a_switch_is_told_by_its_state_and_commanded_by_json() -> None:
    """States become ON and OFF in openHAB, which sends the payloads as they are."""
    site = Site(instance="hall-pi", version="1.2", topics=Topics())
    [switch] = [one for topic, one in announced("component", PLACES, site).items() if topic.startswith("switch/")]

    assert (switch["state_on"], switch["state_off"]) == ("ON", "OFF")
    assert json.loads(switch["payload_on"]) == {"camera": "hall", "paused": True}
    assert json.loads(switch["payload_off"]) == {"camera": "hall", "paused": False}
