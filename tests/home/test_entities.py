"""What uSense is in a real Home Assistant: its entities, what they show, and what they do."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image

from tests.home.house import House
from tests.home.parts import Lab
from tests.peers.witness import publish
from tests.support import needs

pytestmark = [pytest.mark.home, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]

GRACE = "binary_sensor.usense_grace_presence"
RECOGNITION = "event.usense_recognition"
PAUSE = "switch.usense_hall_pause"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One household for all tests of this file; nobody is in sight before and after each."""
    async with House(tmp_path_factory.mktemp("house"), lab) as house:
        await house.hass.shows(GRACE, "off")
        yield house


def documented() -> set[str]:
    """Ids of the entities of docs/home-assistant.md, for the camera hall and the person Grace."""
    text = (needs.ROOT / "docs" / "home-assistant.md").read_text("utf-8")
    table = text[text.index("## Entities") :].split("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    found = {one for cell in cells for one in re.findall(r"`(\w+\.usense_[\w<>]+)`", cell)}
    return {one.replace("<camera>", "hall").replace("<person>", "grace") for one in found}


async def test_all_entities_of_the_documentation_are_there(house: House) -> None:
    """Home Assistant has these entities and no others, all available, on devices for service, camera and person."""
    entities = await house.hass.entities()
    devices = await house.hass.devices()

    assert {one["entity_id"] for one in entities} == documented()
    assert not [name for name, state in house.hass.states.items() if state.value == "unavailable"]
    service = devices["uSense test"]
    assert set(devices) == {"uSense test", "uSense hall", "Grace"}
    assert {one["via_device_id"] for one in devices.values()} == {None, service["id"]}
    assert service["sw_version"] == (await house.ask("info"))["version"]


async def test_people_come_and_go(house: House) -> None:
    """A known and an unknown person show up where they are, with their picture, and are gone afterwards."""
    hass = house.hass
    house.hall.seen = "Grace"
    grace = await hass.shows(GRACE, "on")
    await hass.shows("sensor.usense_grace_where", "hall")
    await hass.shows("sensor.usense_hall_people", "1")
    await hass.shows("sensor.usense_house", "1")
    await hass.shows("sensor.usense_hall_last_name", "Grace")
    told = (await house.witness.next("usense/identity/live")).json
    await hass.until(lambda: hass.states[RECOGNITION].attributes.get("event_id") == told["event_id"])
    recognized = hass.states[RECOGNITION].attributes
    picture = hass.states["image.usense_hall_image"].attributes["entity_picture"]
    kind, jpeg = await hass.rest.fetch(picture)

    house.hall.seen = None
    await hass.shows("sensor.usense_grace_where", "not seen")
    await hass.shows(GRACE, "off")
    assert hass.value("sensor.usense_hall_last_name") == "Grace"
    house.hall.seen = "Eileen"
    await hass.until(lambda: hass.states[RECOGNITION].attributes["event_type"] == "unknown")
    await hass.until(lambda: hass.states["sensor.usense_hall_people"].attributes.get("unknown") == 1)
    house.hall.seen = None
    await hass.shows("sensor.usense_hall_people", "0")
    assert hass.value("sensor.usense_house") == "0"
    assert hass.value("sensor.usense_hall_last_name") == "unknown"

    assert (grace.attributes["person"], grace.attributes["cameras"]) == ("Grace", ["hall"])
    assert grace.attributes["friendly_name"] == "Grace Presence"
    assert (recognized["event_type"], recognized["person"], recognized["camera"]) == ("recognized", "Grace", "hall")
    assert recognized["assurance"] in {"low", "medium"}
    assert recognized["expires_at"] == told["expires_at"]
    assert kind == "image/jpeg"
    assert min(Image.open(io.BytesIO(jpeg)).size) > 60


async def test_switch_button_number_and_select_act_and_show_the_echo(house: House) -> None:
    """What is asked in Home Assistant is done, and it shows what uSense says of it, not what was asked."""
    hass, witness = house.hass, house.witness
    await hass.call("switch.turn_on", PAUSE)
    await hass.shows(PAUSE, "on")
    await hass.shows("sensor.usense_hall_people", "unavailable")
    assert (await house.ask("camera/resume", camera="hall"))["paused"] is False
    await hass.shows(PAUSE, "off")
    await hass.call("switch.turn_on", PAUSE)
    await hass.shows(PAUSE, "on")
    await hass.call("switch.turn_off", PAUSE)
    await hass.shows(PAUSE, "off")
    await hass.shows("sensor.usense_hall_people", "0")

    trained = len(witness.of("usense/response/train"))
    await hass.call("button.press", "button.usense_train")
    await witness.until(lambda: len(witness.of("usense/response/train")) > trained)
    assert witness.of("usense/response/train")[-1].json["status"] == "ok"

    await hass.call("number.set_value", "number.usense_threshold", value=0.61)
    await hass.shows("number.usense_threshold", "0.61")
    await witness.until(lambda: witness.of("usense/settings")[-1].json["threshold"] == 0.61)
    await hass.call("select.select_option", "select.usense_unknown", option="nobody")
    await hass.shows("select.usense_unknown", "nobody")
    told = len(house.recognitions())
    house.hall.seen = "Eileen"
    await hass.until(lambda: hass.states["sensor.usense_hall_people"].attributes.get("unknown") == 1)
    house.hall.seen = None
    await hass.shows("sensor.usense_hall_people", "0")
    assert len(house.recognitions()) == told
    await house.ask("settings/set", threshold=None, unknown=None)
    await hass.shows("number.usense_threshold", "0.5")
    await hass.shows("select.usense_unknown", "all")


async def test_people_appear_change_their_name_and_vanish(house: House) -> None:
    """Somebody enrolled beside the running service has entities at once, keeps them as Ann, and leaves none behind."""
    hass = house.hass
    presence = "binary_sensor.usense_eileen_presence"
    await house.enroll("Eileen")
    await hass.shows(presence, "off")
    house.hall.seen = "Eileen"
    await hass.shows(presence, "on")
    house.hall.seen = None

    await house.ask("person/rename", person_id="Eileen", name="Ann")
    await hass.until(lambda: hass.states[presence].attributes["friendly_name"] == "Ann Presence")
    await hass.shows(presence, "off")
    assert {"Ann", "Grace"} <= set(await hass.devices())

    await house.ask("person/delete", person_id="Ann")
    await hass.until(lambda: presence not in hass.states)
    await hass.until(lambda: "sensor.usense_eileen_where" not in hass.states)
    assert {one["entity_id"] for one in await hass.entities()} == documented()
    assert "Ann" not in await hass.devices()


async def test_a_stale_entity_of_this_instance_vanishes(house: House) -> None:
    """What an earlier run announced and is no more is removed at once; what others announced stays."""
    hass, port = house.hass, house.broker.port
    entity = {"name": "Old", "state_topic": "usense/status", "origin": {"name": "x"}}
    for node in ("usense_test", "usense_attic"):
        payload = {**entity, "unique_id": node, "object_id": f"{node}_old", "default_entity_id": f"sensor.{node}_old"}
        await publish(port, f"homeassistant/sensor/{node}/old/config", json.dumps(payload), "-r")
    own = "homeassistant/sensor/usense_test/old/config"
    await house.witness.until(lambda: [one.payload == b"" for one in house.witness.of(own)] == [False, True])
    await hass.until(lambda: "sensor.usense_attic_old" in hass.states and "sensor.usense_test_old" not in hass.states)
    await publish(port, "homeassistant/sensor/usense_attic/old/config", "", "-r")
    await hass.until(lambda: "sensor.usense_attic_old" not in hass.states)


async def test_home_assistant_has_nothing_to_complain_about(house: House) -> None:
    """No warning or error of its own is in its log, after all of the above."""
    assert house.hass.complaints() == []
