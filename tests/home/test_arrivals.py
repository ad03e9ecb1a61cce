"""The blueprints in a real Home Assistant with the real uSense, whose camera sees people come and go."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.home.automations import subscribed, use
from tests.home.house import House
from tests.home.parts import Lab

pytestmark = [pytest.mark.home, pytest.mark.timeout(400)]

RECOGNITION = "event.usense_recognition"
PRESENCE = "binary_sensor.usense_grace_presence"
WHO = {"name": "{{ name }}", "camera": "{{ camera }}"}
GRACE = {"name": "Grace", "camera": "hall"}


async def arrives(house: House, name: str) -> None:
    """Somebody comes, is recognized twice within the same stay, and leaves."""
    told = len(house.recognitions())
    for goal in (1, 2):
        house.hall.seen = name
        await house.witness.until(lambda goal=goal: len(house.recognitions()) >= told + goal)  # type: ignore[misc]
        house.hall.seen = None
        await house.hall.sent(10)
    await house.hass.shows("sensor.usense_hall_people", "0")


async def test_blueprints_act_once_for_each_arrival(tmp_path: Path, lab: Lab) -> None:
    """Grace is greeted once each time she comes, somebody unknown is shown with the face, and prompts are spoken."""
    async with House(tmp_path, lab) as house:
        hass = house.hass
        await hass.shows(PRESENCE, "off")
        await use(hass, "greeted", "greet", WHO)
        await use(hass, "sure", "sure", WHO, recognition=RECOGNITION, people=["Grace"], assurance="low")
        seen = {"camera": "{{ camera }}", "picture": "{{ picture }}"}
        images = ["image.usense_hall_image"]
        await use(hass, "unknown", "unknown", seen, recognition=RECOGNITION, images=images, quiet=300)
        await use(hass, "spoken", "speak_enrollment", {"text": "{{ text }}", "code": "{{ code }}"})
        await subscribed(house.broker)

        for _ in range(2):
            await arrives(house, "Grace")
        await house.hass.restart()
        await hass.shows(PRESENCE, "off")
        await arrives(house, "Eileen")
        await hass.until(lambda: len(hass.told("unknown")) == 1)
        kind, jpeg = await hass.rest.fetch(hass.told("unknown")[0]["picture"])

        await house.ask("enroll/start", name="Bea", camera="hall")
        await hass.until(lambda: len(hass.told("spoken")) == 1)
        await house.ask("enroll/cancel")
        await hass.until(lambda: len(hass.told("spoken")) == 2)

    assert hass.told("greeted") == [GRACE, GRACE]
    assert hass.told("sure") == [GRACE] * 4
    assert (kind, hass.told("unknown")[0]["camera"]) == ("image/jpeg", "hall")
    assert min(Image.open(io.BytesIO(jpeg)).size) > 60
    assert [told["code"] for told in hass.told("spoken")] == ["nobody", "canceled"]
    assert all(told["text"].endswith(".") for told in hass.told("spoken"))
    assert hass.complaints() == []
