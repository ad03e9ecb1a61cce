"""The blueprints of config/home-assistant in a real Home Assistant, against messages that must not act."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.home.automations import subscribed, use
from tests.home.hass import HomeAssistant
from tests.home.parts import BLUEPRINTS, Lab
from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import publish

pytestmark = [pytest.mark.home, pytest.mark.timeout(400)]

DEVICE = {"identifiers": ["usense_lab_camera_hall"], "name": "hall"}
NODE = "homeassistant/{}/usense_lab/{}/config"
EVENT = "event.usense_recognition"
IMAGE = "image.usense_hall_face"
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


def moment(seconds: float = 0.0) -> str:
    """A time so many seconds from now."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def recognition(event_id: str, **changes: Any) -> str:
    """A recognition of Anna at the moment of decision."""
    told = {
        "event_type": "recognized",
        "person": "Anna",
        "visitor_id": None,
        "camera": "hall",
        "assurance": "medium",
        "age_ms": 300,
        "captured_at": moment(-0.3),
        "expires_at": moment(9.7),
        "event_id": event_id,
    }
    return json.dumps(told | changes)


def arrival(number: int, **changes: Any) -> str:
    """Anna's arrival."""
    told = {"type": "person.arrived", "at": moment(), "person_id": "a1", "name": "Anna", "camera": "hall"}
    return json.dumps(told | {"number": number} | changes)


@asynccontextmanager
async def announced(folder: Path, lab: Lab, broker: Mosquitto) -> AsyncIterator[HomeAssistant]:
    """A Home Assistant that was told of a recognition event and of a camera's picture."""
    port = broker.port
    common = {"availability": [{"topic": "usense/status"}], "device": DEVICE, "origin": {"name": "uSense"}}
    async with HomeAssistant(folder / "home-assistant", lab.python, BLUEPRINTS) as hass:
        await hass.use_broker(port)
        kinds = ["recognized", "unknown", "changed"]
        event = {"name": "Recognition", "unique_id": "r", "state_topic": "usense/identity/live", "event_types": kinds}
        image = {"name": "Face", "unique_id": "i", "image_topic": "usense/camera/hall/snapshot"}
        wishes = {"event": EVENT, "image": IMAGE}
        for kind, own in (("event", event), ("image", image)):
            wish = {"object_id": wishes[kind].split(".")[1], "default_entity_id": wishes[kind]}
            await publish(port, NODE.format(kind, "x"), json.dumps({**own, **common, **wish}), "-r")
        await hass.until(lambda: EVENT in hass.states and IMAGE in hass.states)
        await publish(port, "usense/status", "online", "-r")
        await hass.shows(EVENT, "unknown")
        yield hass


async def arm(hass: HomeAssistant) -> None:
    """Make an automation of every blueprint, and two that must never act."""
    who = {"name": "{{ name }}", "camera": "{{ camera }}"}
    await use(hass, "greeted", "greet", who)
    await use(hass, "greeted_bea", "greet", who, people=["Bea"])
    await use(hass, "sure", "sure", who, recognition=EVENT, people=["Anna"])
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)).strftime("%H:%M:%S")
    latest = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)).strftime("%H:%M:%S")
    await use(hass, "at_night", "sure", who, recognition=EVENT, people=["Anna"], after=later, before=latest)
    picture = {"camera": "{{ camera }}", "picture": "{{ picture }}"}
    await use(hass, "unknown", "unknown", picture, recognition=EVENT, images=[IMAGE], quiet=0)
    await use(hass, "spoken", "speak_enrollment", {"text": "{{ text }}"})


async def test_only_fresh_sure_and_true_messages_act(tmp_path: Path, lab: Lab, mosquitto: Mosquitto) -> None:
    """Each blueprint acts once on what is news; not on what is late, replayed, retained, unsure or of somebody else."""
    port, live, event = mosquitto.port, "usense/identity/live", "usense/event"
    async with announced(tmp_path, lab, mosquitto) as hass:
        await arm(hass)
        await subscribed(mosquitto)

        await publish(port, live, recognition("expired", expires_at=moment(-1)))
        await publish(port, live, recognition("old", age_ms=9000))
        await publish(port, live, recognition("unsure", assurance="low"))
        await publish(port, live, recognition("other", person="Bea"))
        await publish(port, live, recognition("nobody", event_type="changed", person=None))
        await publish(port, "usense/camera/hall/snapshot", JPEG)
        await publish(port, live, recognition("stale", event_type="unknown", person=None, expires_at=moment(-1)))
        await publish(port, event, arrival(1, at=moment(-60)))
        await publish(
            port, event, json.dumps({"type": "enroll.prompt", "code": "x", "text": "late", "at": moment(-60)})
        )
        await publish(port, event, json.dumps({"type": "train.started", "at": moment()}))

        await publish(port, live, recognition("stranger", event_type="unknown", person=None))
        await publish(port, live, recognition("true"))
        await publish(port, event, arrival(2))
        prompt = {"type": "enroll.prompt", "code": "left", "text": "Look left.", "camera": "hall", "at": moment()}
        await publish(port, event, json.dumps(prompt))
        goal = {"greeted": 1, "sure": 1, "unknown": 1, "spoken": 1}
        await hass.until(lambda: all(len(hass.told(name)) >= count for name, count in goal.items()), what="all acted")

        # Availability that goes and comes shows the last recognition again; so does a restart.
        await publish(port, "usense/status", "offline", "-r")
        await hass.shows(EVENT, "unavailable")
        await publish(port, "usense/status", "online", "-r")
        await hass.until(lambda: hass.value(EVENT) not in {"unavailable", "unknown"})
        await hass.stop()
        await publish(port, live, recognition("kept"), "-r")
        await hass.start()
        await hass.until(lambda: hass.value(EVENT) not in {None, "unavailable", "unknown"})
        seen = hass.states[EVENT].value
        await publish(port, live, recognition("last", person="Bea"))
        await hass.until(lambda: hass.value(EVENT) != seen)

    assert {name: len(hass.told(name)) for name in goal} == goal
    assert hass.told("sure") == hass.told("greeted") == [{"name": "Anna", "camera": "hall"}]
    assert not hass.told("greeted_bea")
    assert not hass.told("at_night")
    assert [told["camera"] for told in hass.told("unknown")] == ["hall"]
    assert hass.told("unknown")[0]["picture"].startswith(f"/api/image_proxy/{IMAGE}?token=")
    assert hass.told("spoken") == [{"text": "Look left."}]
    assert hass.complaints() == []


async def test_default_actions_work(tmp_path: Path, lab: Lab, mosquitto: Mosquitto) -> None:
    """Without an action of the user's own, a notification appears in Home Assistant, with the picture in it."""
    port = mosquitto.port
    async with announced(tmp_path, lab, mosquitto) as hass:
        for name, inputs in (("greet", {}), ("unknown", {"recognition": EVENT, "images": [IMAGE]})):
            await hass.automate(name, {"use_blueprint": {"path": f"usense/{name}.yaml", "input": inputs}})
        await hass.automate("speak", {"use_blueprint": {"path": "usense/speak_enrollment.yaml", "input": {}}})
        await subscribed(mosquitto)
        await publish(port, "usense/camera/hall/snapshot", JPEG)
        await publish(port, "usense/identity/live", recognition("s", event_type="unknown", person=None))
        await publish(port, "usense/event", arrival(1))
        done = {"type": "enroll.finished", "code": "kept", "text": "Thank you.", "camera": "hall", "at": moment()}
        await publish(port, "usense/event", json.dumps(done))

        def shown() -> list[str]:
            calls = [one for one in hass.told("call_service") if one["domain"] == "persistent_notification"]
            return [call["service_data"]["message"] for call in calls]

        await hass.until(lambda: len(shown()) >= 3)
        pictures = [text.removeprefix("![face](").removesuffix(")") for text in shown() if text.startswith("![face]")]
        assert len(pictures) == 1
        assert await asyncio.wait_for(hass.rest.fetch(pictures[0]), 30) == ("image/jpeg", JPEG)

    assert {"Welcome home, Anna!", "Thank you."} <= set(shown())
    assert hass.complaints() == []
