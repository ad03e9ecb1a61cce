"""The machine is spared."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from structlog.testing import capture_logs

from tests.support.stage import Stage
from tests.support.stand_ins import Oracle
from uSense.core.protection import ProtectionRules, Readings
from uSense.protection import Protecting
from uSense.sensors import Sensors

RULES = ProtectionRules(every=0.1, restore_after=0, least_fps=1)
WELL = Readings(temperature=50, available=400)


class Told(Sensors):
    """Sensors that say what they are told to say."""

    now = WELL
    looks = 0

    def read(self) -> Readings:
        self.looks += 1
        return self.now


async def test_a_change_is_said_once_and_counted() -> None:
    """However often the sensors say the same."""
    sensors, stage = Told(), Stage(Oracle())
    protecting = Protecting(RULES, stage.pipeline.cameras, sensors)
    with capture_logs() as logged:
        await protecting.look()
        well = protecting.report(), protecting.problems
        sensors.now = replace(WELL, temperature=76)
        await protecting.look()
        await protecting.look()
        hot = protecting.report(), protecting.problems
        sensors.now = WELL
        await protecting.look()
        await protecting.look()

    said = "hot, 76 °C: looks at the cameras half as often until it is below 70 °C"
    assert well == ({"share": 1, "causes": [], "slowdowns": 0}, {})
    assert hot == ({"share": 0.5, "causes": ["heat"], "slowdowns": 1}, {"protection": said})
    assert [(line["event"], line["log_level"], line["share"]) for line in logged] == [
        ("slowed down", "warning", 0.5),
        ("faster again", "info", 1.0),
    ]
    assert logged[0]["reason"] == said
    assert (protecting.report(), protecting.problems) == ({"share": 1, "causes": [], "slowdowns": 1}, {})


async def test_a_thermometer_that_was_named_and_says_nothing_is_told_once() -> None:
    """Who misspelt the file would else never know that nothing is watched."""
    sensors, stage = Told(), Stage(Oracle())
    protecting = Protecting(replace(RULES, thermometer="/nowhere"), stage.pipeline.cameras, sensors)
    with capture_logs() as logged:
        for temperature in (50, None, None, 50):
            sensors.now = replace(WELL, temperature=temperature)
            await protecting.look()

    assert [line["event"] for line in logged] == ["thermometer cannot be read", "thermometer is back"]
    assert {line["file"] for line in logged} == {"/nowhere"}


async def test_switched_off_nothing_is_read() -> None:
    """It ends at once."""
    sensors, stage = Told(), Stage(Oracle())
    await asyncio.wait_for(Protecting(replace(RULES, enabled=False), stage.pipeline.cameras, sensors).run(), 30)

    assert sensors.looks == 0
