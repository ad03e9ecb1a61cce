"""What Home Assistant is told of uSense's entities."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uSense.core.topics import Topics
from uSense.entities.discovery import ENTITIES, Kind, Payload, Place, Site, announced

SITE = Site(instance="hall-pi", version="1.2", topics=Topics("usense"), snapshots=True)
ANNA = "4b33f1c2-0000-4000-8000-000000000001"
PLACES = [Place(Kind.SERVICE), Place(Kind.CAMERA, "hall", "hall"), Place(Kind.PERSON, ANNA, "Anna")]
TOPIC = re.compile(r"(?P<platform>\w+)/(?P<node>[a-zA-Z0-9_-]+)/(?P<id>[a-zA-Z0-9_-]+)/config")
"""What Home Assistant takes below its prefix."""


def components(places: list[Place] = PLACES, site: Site = SITE) -> dict[str, Payload]:
    """All descriptions by unique id, from the messages of single components."""
    return {payload["unique_id"]: payload for payload in announced("component", places, site).values()}


@pytest.mark.parametrize(
    ("unique_id", "entity_id", "topic"),
    [
        ("usense_hall-pi_recognition", "event.usense_recognition", "usense/identity/live"),
        ("usense_hall-pi_house", "sensor.usense_house", "usense/house"),
        ("usense_hall-pi_problem", "binary_sensor.usense_problem", "usense/health"),
        ("usense_hall-pi_temperature", "sensor.usense_temperature", "usense/health"),
        ("usense_hall-pi_memory", "sensor.usense_memory", "usense/health"),
        ("usense_hall-pi_train", "button.usense_train", "usense/command/train"),
        ("usense_hall-pi_threshold", "number.usense_threshold", "usense/settings"),
        ("usense_hall-pi_unknown", "select.usense_unknown", "usense/settings"),
        ("usense_hall-pi_camera_hall_people", "sensor.usense_hall_people", "usense/camera/hall/people"),
        ("usense_hall-pi_camera_hall_last_seen", "sensor.usense_hall_last_seen", "usense/camera/hall/people"),
        ("usense_hall-pi_camera_hall_last_name", "sensor.usense_hall_last_name", "usense/camera/hall/people"),
        ("usense_hall-pi_camera_hall_image", "image.usense_hall_image", "usense/camera/hall/snapshot"),
        ("usense_hall-pi_camera_hall_pause", "switch.usense_hall_pause", "usense/camera/hall/paused"),
        (f"usense_hall-pi_person_{ANNA}_presence", "binary_sensor.usense_anna_presence", f"usense/presence/{ANNA}"),
        (f"usense_hall-pi_person_{ANNA}_where", "sensor.usense_anna_where", f"usense/presence/{ANNA}"),
    ],
)
def test_each_entity_has_its_id_and_topic(unique_id: str, entity_id: str, topic: str) -> None:
    """The wish for an entity id is told to old and new versions alike."""
    payload = components()[unique_id]

    assert payload["default_entity_id"] == entity_id
    assert payload["object_id"] == entity_id.partition(".")[2]
    assert topic in {payload.get(key) for key in ("state_topic", "image_topic", "command_topic")}


def test_the_table_above_is_complete() -> None:
    """Nothing else is announced."""
    assert len(components()) == 15 == sum(map(len, ENTITIES.values()))


@pytest.mark.parametrize(
    ("unique_id", "orders"),
    [
        ("train", ["{}"]),
        ("camera_hall_pause", ['{"camera": "hall", "paused": true}', '{"camera": "hall", "paused": false}']),
    ],
)
def test_buttons_and_switches_send_what_commands_take(unique_id: str, orders: list[str]) -> None:
    """As JSON, in place of Home Assistant's own words."""
    payload = components()[f"usense_hall-pi_{unique_id}"]

    keys = ("payload_press", "payload_on", "payload_off")
    assert [payload[key] for key in keys if key in payload] == orders
    assert payload["qos"] == 1


def test_both_formats_tell_the_same() -> None:
    """Device by device or one by one, each entity is described alike."""
    one_by_one = {}
    for payload in announced("component", PLACES, SITE).values():
        shared = {key: payload.pop(key) for key in ("device", "origin")}
        one_by_one[payload["unique_id"]] = (payload, shared)
    by_device = {}
    for payload in announced("device", PLACES, SITE).values():
        for component in payload.pop("components").values():
            platform = component.pop("platform")
            assert component["default_entity_id"].startswith(f"{platform}.")
            by_device[component["unique_id"]] = (component, payload)

    assert by_device == one_by_one


def test_cameras_and_persons_belong_to_the_service() -> None:
    """Home Assistant wants to know of the service before others refer to it."""
    devices = [payload["device"] for payload in announced("device", PLACES, SITE).values()]

    assert [device["name"] for device in devices] == ["uSense hall-pi", "uSense hall", "Anna"]
    assert devices[0]["identifiers"] == ["usense_hall-pi"]
    assert [device.get("via_device") for device in devices] == [None, "usense_hall-pi", "usense_hall-pi"]


def test_a_camera_that_is_offline_takes_its_entities_with_it_but_not_its_switch() -> None:
    """A paused camera is offline, and must be opened again."""
    both = {"usense/status", "usense/camera/hall/status"}
    needed = {name: {one["topic"] for one in payload["availability"]} for name, payload in components().items()}
    of_camera = {name for name in needed if "_camera_" in name}

    assert {name for name in needed if needed[name] == both} == of_camera - {"usense_hall-pi_camera_hall_pause"}
    assert all(topics == {"usense/status"} for topics in needed.values() if topics != both)
    assert {payload["availability_mode"] for payload in components().values()} == {"all"}


def test_without_snapshots_there_is_no_image() -> None:
    """An entity that never shows anything would be a riddle."""
    site = Site(instance="hall-pi", version="1.2", topics=Topics("usense"))

    assert set(components()) - set(components(site=site)) == {"usense_hall-pi_camera_hall_image"}


def test_a_threshold_that_would_be_refused_cannot_be_chosen() -> None:
    """Home Assistant's number begins at the least threshold of the recognizer."""
    number = components(site=replace(SITE, least_threshold=0.35))["usense_hall-pi_threshold"]

    assert (number["min"], number["max"]) == (0.35, 1)


@pytest.mark.parametrize(
    ("unsigned", "gone"),
    [
        ({"train", "settings/set", "camera/pause"}, set()),
        ({"settings/set"}, {"train", "camera_hall_pause"}),
        (set(), {"train", "camera_hall_pause", "threshold", "unknown"}),
    ],
)
def test_what_would_need_a_signature_is_left_out(unsigned: set[str], gone: set[str]) -> None:
    """Home Assistant cannot sign: its button would do nothing."""
    site = Site(
        instance="hall-pi", version="1.2", topics=Topics("usense"), snapshots=True, unsigned=frozenset(unsigned)
    )

    assert set(components()) - set(components(site=site)) == {f"usense_hall-pi_{name}" for name in gone}


names = st.from_regex(r"[a-z0-9_-]{1,40}", fullmatch=True)


@given(names, st.sets(names, max_size=4), st.dictionaries(st.uuids(), st.text(min_size=1, max_size=20), max_size=4))
def test_ids_are_fit_and_unique(instance: str, cameras: set[str], people: dict[UUID, str]) -> None:
    """Whatever instance, cameras and people are called, also if two have the same name."""
    site = Site(instance=instance, version="1.2", topics=Topics("a/b"), snapshots=True)
    places = [
        Place(Kind.SERVICE),
        *(Place(Kind.CAMERA, camera, camera) for camera in sorted(cameras)),
        *(Place(Kind.PERSON, str(key), name) for key, name in people.items()),
    ]
    expected = sum(len(ENTITIES[place.kind]) for place in places)

    devices = announced("device", places, site)
    assert len(devices) == len(places)
    assert len(announced("component", places, site)) == len(components(places, site)) == expected
    for topic in [*devices, *announced("component", places, site)]:
        found = TOPIC.fullmatch(topic)
        assert found is not None
        assert found["node"] == f"usense_{instance}"


def test_no_name_gets_into_a_template() -> None:
    """A person may be called what Home Assistant would carry out."""
    nasty = "{{ states('lock.door') }}"
    told = components([Place(Kind.PERSON, ANNA, nasty)])

    def templates(value: Any) -> list[str]:
        return [text for key, text in value.items() if key.endswith("_template")]

    assert all(nasty not in text for payload in told.values() for text in templates(payload))
    assert json.dumps(told)


def test_templates_know_empty_messages() -> None:
    """The empty message by which a retained topic ends is no error in Home Assistant's log."""
    told = [(key, text) for payload in components().values() for key, text in payload.items()]
    reading = [text for key, text in told if key.endswith("_template") and "value_json" in text]

    assert len(reading) > 15
    assert all("value_json is defined" in text for text in reading)
