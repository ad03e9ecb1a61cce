"""The rights of the shipped access list, at a real mosquitto with the shipped files: who gets in, reads, writes."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from typing import Literal

import pytest
from pydantic import SecretStr

from tests.peers.shipped import ShippedMosquitto
from tests.peers.witness import Witness, publish
from tests.support import needs
from tests.support.mqtt import connected, make, running
from tests.support.waiting import until
from uSense.core.events import State
from uSense.mqtt import MqttSettings

OWN = ("usense/identity", "usense/presence/7", "usense/status", "usense/response/info")
DISCOVERY = "homeassistant/device/usense_pi/all/config"
OTHERS = ("homeassistant/device/usense_other/all/config", "homeassistant/sensor/lamp/config", "zigbee/lamp")
DENIED = "Not authorized"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShippedMosquitto]:
    """The broker of docker/compose.yaml."""
    with ShippedMosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


def denied(broker: ShippedMosquitto, topic: str) -> bool:
    """Whether the broker's log says that it did not take something."""
    return any("Denied PUBLISH" in line and topic in line for line in list(broker.log))


def said(login: list[str], topic: str, version: str = "5") -> str:
    """What mosquitto_pub says when it publishes there with QoS 1; nothing if the broker took it."""
    program = needs.program("mosquitto_pub", "mosquitto-clients")
    arguments = [program, *login, "-V", version, "-q", "1", "-t", topic, "-m", "lie"]
    return subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=60).stderr.strip()


@pytest.mark.parametrize(
    ("user", "allowed", "forbidden"),
    [
        ("usense", (*OWN, "usense/command/info", DISCOVERY), (*OTHERS, "homeassistant/status", "usenses")),
        ("house", ("usense/command/train", "homeassistant/status"), (*OWN, "usense/info", DISCOVERY, *OTHERS)),
        ("reader", (), (*OWN, "usense/command/train", "homeassistant/status", DISCOVERY, *OTHERS)),
    ],
)
def test_who_may_say_what(
    broker: ShippedMosquitto, user: str, allowed: tuple[str, ...], forbidden: tuple[str, ...]
) -> None:
    """Nobody speaks for uSense, which speaks nowhere but in its own topics; only the house commands."""
    answers = {topic: said(broker.login(user), topic) for topic in (*allowed, *forbidden)}

    assert {topic: answer for topic, answer in answers.items() if topic in allowed} == dict.fromkeys(allowed, "")
    assert [topic for topic in forbidden if DENIED not in answers[topic]] == []


@pytest.mark.parametrize(
    "login",
    [[], ["-u", "house"], ["-u", "house", "-P", "wrong"], ["-u", "house", "-P", ""], ["-u", "stranger", "-P", "x"]],
)
def test_a_stranger_does_not_get_in(broker: ShippedMosquitto, login: list[str]) -> None:
    """Not without a name, not without a password, not with a wrong one and not as somebody unknown."""
    where = ["-h", "127.0.0.1", "-p", str(broker.port)]

    assert "not authori" in said([*where, *login], "usense/command/train").lower()


async def test_a_reader_hears_the_house_but_no_photos(broker: ShippedMosquitto) -> None:
    """What is asked and answered may carry them; the house hears all of it."""
    heard = {}
    for user in ("house", "reader"):
        async with Witness(broker.port, "usense/#", user=user, password=broker.password(user)) as witness:
            for topic in ("usense/command/identify", "usense/response/identify", "usense/identity"):
                await publish(broker.port, topic, "x", *broker.login("usense")[4:])
            await witness.next("usense/identity")
            heard[user] = [one.topic for one in witness.seen if not one.retain]

    assert heard["house"] == ["usense/command/identify", "usense/response/identify", "usense/identity"]
    assert heard["reader"] == ["usense/identity"]


async def test_nobody_hears_what_is_not_theirs(broker: ShippedMosquitto) -> None:
    """A subscription to everything brings uSense its own topics, and the house Home Assistant's besides."""
    heard = {}
    for user in ("usense", "house", "reader"):
        async with Witness(broker.port, "#", "$SYS/#", user=user, password=broker.password(user)) as witness:
            await publish(broker.port, "homeassistant/status", "online", *broker.login("house")[4:])
            await publish(broker.port, DISCOVERY, "{}", *broker.login("usense")[4:])
            await publish(broker.port, "usense/event", "{}", *broker.login("usense")[4:])
            await witness.next("usense/event")
            heard[user] = [one.topic for one in witness.seen if not one.retain]

    assert heard["usense"] == heard["house"] == ["homeassistant/status", DISCOVERY, "usense/event"]
    assert heard["reader"] == ["usense/event"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_the_broker_tells_of_a_forbidden_topic(
    broker: ShippedMosquitto, protocol: Literal["5", "3.1.1"]
) -> None:
    """By MQTT 5 uSense hears of it and says what to do; by 3.1.1 the broker takes the message and drops it silently."""
    settings = MqttSettings(
        port=broker.port,
        username="usense",
        password=SecretStr(broker.password("usense")),
        prefix=f"elsewhere-{protocol}",
        protocol=protocol,
    )
    mqtt = make(settings)
    async with running(mqtt):
        mqtt.post(State("people", []))
        await connected(mqtt)
        await until(lambda: denied(broker, f"'{settings.prefix}/people'"))
        problem = mqtt.problem or ""
    if protocol == "5":
        assert "does not let user 'usense' publish to elsewhere-5/" in problem
        assert "allow it in the broker's access list" in problem
    else:
        assert problem == ""


async def test_a_lie_about_somebody_reaches_nobody(broker: ShippedMosquitto) -> None:
    """Also where the liar is not told: with MQTT 3.1.1."""
    async with Witness(broker.port, "usense/#", user="reader", password=broker.password("reader")) as witness:
        silent = await asyncio.to_thread(said, broker.login("house"), "usense/identity", "311")
        await publish(broker.port, "usense/event", "{}", *broker.login("usense")[4:])
        await witness.next("usense/event")

    assert silent == ""
    assert witness.of("usense/identity") == []


async def test_the_largest_photo_fits(broker: ShippedMosquitto) -> None:
    """The broker takes what uSense reads (`mqtt.max_payload`), and says that it takes not much more."""
    settings = MqttSettings(port=broker.port, username="usense", password=SecretStr(broker.password("usense")))

    await publish(broker.port, "usense/command/identify", bytes(settings.max_payload), *broker.login("house")[4:])
    async with running(make(settings)) as mqtt:
        await connected(mqtt)
        limit = mqtt.limit

    await until(lambda: broker.logged(f"'usense/command/identify', ... ({settings.max_payload} bytes)"))
    assert settings.max_payload + 1024 < limit < settings.max_payload * 1.02


def test_the_lines_to_change_are_those_of_the_defaults() -> None:
    """The access list names prefix and Home Assistant's topics as uSense's defaults do."""
    text = (needs.ROOT / "config" / "mosquitto.acl").read_text("utf-8")
    rules = [line.split()[-1] for line in text.splitlines() if line.startswith("topic")]

    assert {topic.split("/")[0] for topic in rules} == {MqttSettings().prefix, "homeassistant"}
    assert "homeassistant/status" in rules
