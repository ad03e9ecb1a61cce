"""What docs/home-assistant.md tells to put into Home Assistant's files, in a real one with the real uSense."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.home.house import House
from tests.home.parts import Lab
from tests.support import needs
from tests.support.waiting import until

pytestmark = [pytest.mark.home, pytest.mark.timeout(400)]

TEXT = (needs.ROOT / "docs" / "home-assistant.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
SCRIPTS = next(block for block in BLOCKS if block.startswith("script:"))
AUTOMATION = next(block for block in BLOCKS if block.startswith("- alias: Anna"))


async def test_scripts_do_what_microsoft_face_did(tmp_path: Path, lab: Lab) -> None:
    """A person is created, gets a face from a camera, is trained, recognized by the automation, and deleted."""
    async with House(tmp_path, lab, configuration=SCRIPTS) as house:
        hass, witness = house.hass, house.witness

        async def run(script: str, command: str, **variables: str) -> None:
            """Call a script and wait until uSense has done what it asks."""
            answers = len(witness.of(f"usense/response/{command}"))
            await hass.call(f"script.{script}", **variables)
            await witness.until(lambda: len(witness.of(f"usense/response/{command}")) > answers, 60)
            reply = witness.of(f"usense/response/{command}")[-1].json
            assert reply["status"] == "ok", reply

        [automation] = yaml.safe_load(AUTOMATION)
        await hass.automate("anna", {key: value for key, value in automation.items() if key != "alias"})
        # The entity of the same topic may have asked for it before.
        await until(lambda: any(house.broker.logged(f" {qos} usense/identity/live") for qos in (0, 1)))
        await run("create_person", "person/create", name="Anna")
        await hass.shows("binary_sensor.usense_anna_presence", "off")
        house.hall.seen = "Eileen"
        for house.hall.pose in range(3):
            await house.hall.sent(3)
            await run("face_person", "face/add", person="Anna", camera="hall")
        house.hall.pose = None
        await run("train_group", "train")
        await hass.shows("binary_sensor.usense_anna_presence", "on")
        await hass.until(lambda: bool(hass.told("call_service")) and "Anna, hall" in str(hass.told("call_service")))
        await run("delete_person", "person/delete", name="Anna")
        await hass.until(lambda: "binary_sensor.usense_anna_presence" not in hass.states)

    assert hass.complaints() == []
