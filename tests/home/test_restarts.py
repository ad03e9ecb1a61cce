"""Restarts of the broker, of Home Assistant and of uSense, in all orders: nothing is told twice or lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.home.hass import State
from tests.home.house import House
from tests.home.parts import Lab

pytestmark = [pytest.mark.home, pytest.mark.timeout(900)]

GRACE = "binary_sensor.usense_grace_presence"
RECOGNITION = "event.usense_recognition"
ORDERS = "BHSBHBSHB"
"""Broker, Home Assistant, service: every order of the three is somewhere in it."""
SHOWN = {
    GRACE: "on",
    "sensor.usense_grace_where": "hall",
    "sensor.usense_house": "1",
    "sensor.usense_hall_people": "1",
    "sensor.usense_hall_last_name": "Grace",
    "switch.usense_hall_pause": "off",
    "number.usense_threshold": "0.57",
    "select.usense_unknown": "visitors",
    "binary_sensor.usense_problem": "off",
}
"""What Home Assistant shows while Grace is there."""


class Restarts:
    """Each is as hard as it can be: killed, and all that the broker had retained is lost."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.graceful = False
        """Home Assistant writes down what it shows when it may: every other time."""

    async def broker(self) -> None:
        await asyncio.to_thread(self.house.broker.restart)

    async def home_assistant(self) -> None:
        self.graceful = not self.graceful
        await (self.house.hass.stop() if self.graceful else self.house.hass.kill())
        await self.house.hass.start()

    async def service(self) -> None:
        await self.house.service.kill()
        await self.house.service.start()


def told(changes: Sequence[State]) -> list[str]:
    """Event ids that Home Assistant's event entity showed, once for each time that was another than those before."""
    moments: dict[str, str] = {}
    for change in changes:
        if change.entity_id == RECOGNITION and change.attributes.get("event_id"):
            moments.setdefault(change.value, change.attributes["event_id"])
    return list(moments.values())


def well(house: House) -> bool:
    """Whether Home Assistant shows everything as it is."""
    states = house.hass.states
    available = not any(state.value == "unavailable" for state in states.values())
    return available and all(house.hass.value(name) == value for name, value in SHOWN.items())


def gone(changes: Sequence[State]) -> bool:
    """Whether the restart showed in Home Assistant."""
    return any(change.entity_id == RECOGNITION and change.value == "unavailable" for change in changes)


async def comes_again(house: House) -> str:
    """Grace goes out of the picture for a moment; the event id of her next recognition."""
    before = len(house.recognitions())
    house.hall.seen = None
    await house.hall.sent(10)
    house.hall.seen = "Grace"
    await house.witness.until(lambda: len(house.recognitions()) > before)
    return house.recognitions()[-1]


async def test_nothing_is_replayed_in_any_order_of_restarts(tmp_path: Path, lab: Lab) -> None:
    """Grace stays: HA shows each recognition once and never late, she never leaves, and all is shown again."""
    async with House(tmp_path, lab, presence={"leave_after": 8.0}) as house:
        hass, restarts = house.hass, Restarts(house)
        kinds = {"B": restarts.broker, "H": restarts.home_assistant, "S": restarts.service}
        await hass.shows(GRACE, "off")
        await house.ask("settings/set", threshold=0.57, unknown="visitors")
        house.hall.seen = "Grace"
        await hass.until(lambda: well(house), 60, "all shown")
        for kind in ORDERS:
            before, shown = set(house.recognitions()), len(hass.changes)
            known = set(told(hass.changes))
            await kinds[kind]()
            await hass.until(lambda: gone(hass.changes[shown:]) and well(house), 120, f"all shown after {kind}")  # noqa: B023
            latest = await comes_again(house)
            await hass.until(lambda: hass.states[RECOGNITION].attributes.get("event_id") == latest)  # noqa: B023 - at once
            assert not (set(told(hass.changes)) - known) & before, f"told late after {kind}"
        await house.hall.sent(60)

    shown_ids = told(hass.changes)
    assert len(shown_ids) == len(set(shown_ids)) >= len(ORDERS)
    live = house.recognitions()
    assert [one for one in live if one in shown_ids] == shown_ids
    presence = [change.value for change in hass.changes if change.entity_id == GRACE]
    assert "off" not in presence[presence.index("on") :]
    moves = [one.json for one in house.witness.of("usense/event") if one.json["type"].startswith("person.")]
    assert [move["type"] for move in moves] == ["person.arrived"]
    # The broker was killed: that the connection was lost is said, too.
    assert [line for line in hass.complaints() if not line.startswith("homeassistant.components.mqtt.client:")] == []
