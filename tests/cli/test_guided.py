"""`usense enroll NAME --camera CAMERA` beside a service at a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.support.guided import House, noise, plain
from tests.support.mqtt import connected, make, running
from tests.support.ports import free_port
from tests.support.terminal import Terminal
from tests.support.waiting import until
from uSense.cli.guided import guided
from uSense.commands import COMMANDS
from uSense.core.errors import BrokerError, RequestError
from uSense.core.events import Event, State
from uSense.mqtt import Mqtt, MqttSettings
from uSense.settings import Settings

RED = noise(180, 40, 40)


class Both:
    """An outbox that hands everything on to two."""

    def __init__(self, *others: Any) -> None:
        self.others = others

    def post(self, event: Event) -> None:
        for other in self.others:
            other.post(event)


@asynccontextmanager
async def online(tmp_path: Path, port: int) -> AsyncIterator[tuple[Settings, House, Mqtt]]:
    """A house whose commands and events go over the broker, and the settings of a command beside it."""
    settings = Settings(data_dir=tmp_path / "beside", mqtt=MqttSettings(port=port))
    async with plain(tmp_path, RED) as house:
        mqtt = make(settings.mqtt)
        house.control.outbox = Both(house.ears, mqtt)
        async with running(mqtt, COMMANDS, house.control):
            await connected(mqtt)
            mqtt.post(State("health", "{}"))
            yield settings, house, mqtt


async def test_who_may_not_hear_the_prompts_is_told_before_it_begins(tmp_path: Path) -> None:
    """A broker takes subscriptions to what its access list forbids; then nothing would ever be shown."""
    acl = "topic readwrite usense/status\ntopic readwrite usense/response/#\ntopic readwrite usense/command/#\n"
    acl += "topic write usense/#\n"
    with Mosquitto(tmp_path / "guarded", acl=acl) as broker:
        async with online(tmp_path, broker.port) as (settings, house, _):
            with pytest.raises(BrokerError, match="let clients without user name read usense/#"):
                await guided(settings, "Anna", "hall", lambda _: None)
            people = await house.control.people()

    assert people == []


async def test_it_tells_what_the_service_says_and_succeeds(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Every prompt in order, and the summary; the same name once more adds faces."""
    told: list[dict[str, Any]] = []
    async with online(tmp_path, mosquitto.port) as (settings, house, _):
        done = await guided(settings, "Anna", "hall", told.append)
        again = await guided(settings, "Anna", "", told.append)

    assert (done, again) == (True, True)
    assert [one["text"] for one in told if one["type"] == "enroll.finished"] == [
        "Anna is enrolled with 6 pictures.",
        "6 more pictures of Anna were added.",
    ]
    assert [one["text"] for one in told if one["type"] == "enroll.prompt"] == [
        prompt["text"] for prompt in house.told("enroll.prompt")
    ]


async def test_a_refusal_is_no_success(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Who looks like somebody else is told so, unless forced; what cannot begin is an error at once."""
    told: list[dict[str, Any]] = []
    async with online(tmp_path, mosquitto.port) as (settings, _, _):
        await guided(settings, "Anna", "hall", told.append)
        refused = await guided(settings, "Bea", "hall", told.append)
        state = told[-1]["state"]
        forced = await guided(settings, "Bea", "hall", told.append, force=True)
        with pytest.raises(RequestError, match="no camera 'attic'"):
            await guided(settings, "Anna", "attic", told.append)

    assert (refused, state, forced) == (False, "refused", True)


async def test_ctrl_c_cancels_in_the_service(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Nobody goes on looking when the one who asked has left."""
    told: list[dict[str, Any]] = []
    async with online(tmp_path, mosquitto.port) as (settings, house, _):
        house.control.guide.interval = 1.0
        work = asyncio.create_task(guided(settings, "Anna", "hall", told.append))
        await until(lambda: told)
        work.cancel()
        await asyncio.wait((work,))
        finished = await house.finished()

    assert work.cancelled()
    assert told[-1]["text"] == finished["text"] == "The enrollment was canceled. Nothing was saved."


async def test_a_service_that_is_gone_is_told(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A process that was killed says nothing more; the broker does."""
    told: list[dict[str, Any]] = []
    async with online(tmp_path, mosquitto.port) as (settings, house, mqtt):
        house.control.guide.interval = 1.0
        work = asyncio.create_task(guided(settings, "Anna", "hall", told.append))
        await until(lambda: told)
        await mqtt.leave(30)
        with pytest.raises(BrokerError, match="went away"):
            await work


async def test_no_service_is_an_error(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """It says what to start."""
    with pytest.raises(RequestError, match="usense run"):
        await guided(Settings(data_dir=tmp_path, mqtt=MqttSettings(port=mosquitto.port)), "Anna", "hall", print)


@pytest.mark.parametrize("words", [("--camera", "hall"), ("Anna", "photo.jpg", "--camera", "hall")])
def test_with_a_camera_there_are_no_pictures(terminal: Terminal, words: tuple[str, ...]) -> None:
    """Either photos or a camera, and always a name."""
    outcome = terminal.run("enroll", *words)

    assert outcome.code == 2
    assert "give only the NAME" in outcome.err


def test_without_a_service_it_fails(terminal: Terminal) -> None:
    """Exit code 1 and a sentence."""
    terminal.monkeypatch.setenv("USENSE_MQTT__PORT", str(free_port()))

    outcome = terminal.run("enroll", "Anna", "--camera", "hall")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "no service is running: start it with `usense run`, it has the camera\n"
