"""The second client: hears, asks, and notices when nobody answers or the broker leaves."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import publish
from tests.support.mqtt import connected, make, running
from uSense.commands.base import Command
from uSense.core.errors import BrokerError, BrokerRefusedError, NoAnswerError, RequestError
from uSense.mqtt import MqttSettings
from uSense.mqtt.asker import Asker, asking, parsed
from uSense.schema import Branch

Version = Literal["auto", "5", "3.1.1"]


class Word(Branch):
    """One word."""

    word: str = ""


async def echo(_: object, asked: Word) -> Any:
    """The word again; some words are refused."""
    if asked.word == "bad":
        raise RequestError("that is no word", code="bad_word")
    return asked.word


ECHO = (Command(name="echo", payload=Word, run=echo),)


@pytest.mark.parametrize("version", ["auto", "5", "3.1.1"])
async def test_each_asker_gets_its_own_answers(mosquitto: Mosquitto, version: Version) -> None:
    """Two at once, many questions; a refusal has the code of the reply."""
    settings = MqttSettings(port=mosquitto.port, protocol=version)
    async with running(make(settings), ECHO) as mqtt, asking(settings) as one, asking(settings) as other:
        await connected(mqtt)
        words = [f"w{number}" for number in range(8)]
        answers = await asyncio.gather(
            *(asker.ask("echo", {"word": word}) for word in words for asker in (one, other)),
        )
        with pytest.raises(RequestError, match="that is no word") as caught:
            await one.ask("echo", {"word": "bad"})
    assert answers == [word for word in words for _ in (one, other)]
    assert caught.value.code == "bad_word"


async def test_silence_is_told(mosquitto: Mosquitto) -> None:
    """Nobody runs."""
    async with asking(MqttSettings(port=mosquitto.port)) as asker:
        with pytest.raises(NoAnswerError, match=r"no running service answered 'info' within 0\.05 s"):
            await asker.ask("info", within=0.05)


async def test_strange_answers_do_not_confuse(mosquitto: Mosquitto) -> None:
    """Whoever may publish there can say anything."""
    settings = MqttSettings(port=mosquitto.port)
    async with asking(settings, "usense/command/x") as asker, asking(settings) as liar:
        question = asyncio.create_task(asker.ask("x", within=30))
        request = await asker.latest("usense/command/x", 30)
        assert request is not None
        transaction = parsed(request.payload)["transaction"]
        for strange in ("\xff", "[]", "1", '{"transaction": 7}', f'{{"transaction": "{transaction}", "error": 5}}'):
            await publish(mosquitto.port, "usense/response/x", strange)
        with pytest.raises(RequestError) as caught:
            await question
        assert caught.value.code == "refused"
        assert liar.last == {}


async def test_a_lost_broker_is_told_to_all_who_wait(mosquitto: Mosquitto) -> None:
    """Those who listen, those who asked, and those who come later."""

    async def listen(asker: Asker) -> None:
        async for _ in asker.messages():
            pass

    async def lose() -> None:
        async with asking(MqttSettings(port=mosquitto.port)) as asker:
            waiting = [asyncio.create_task(work) for work in (listen(asker), asker.ask("info", within=20))]
            mosquitto.kill()
            for failed in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(failed, BrokerError)
            await asker.latest("usense/status", 20)

    with pytest.raises(BrokerError, match="was lost"):
        await lose()


async def test_a_narrow_access_list_is_told(mosquitto: Mosquitto) -> None:
    """By MQTT 5 the broker says what it does not take."""
    mosquitto.kill()
    mosquitto.users = {"guest": "x"}
    mosquitto.acl = "user guest\ntopic read usense/#\n"
    mosquitto.start()
    settings = MqttSettings.model_validate({"port": mosquitto.port, "username": "guest", "password": "x"})
    async with asking(settings) as asker:
        with pytest.raises(BrokerRefusedError, match="does not let user 'guest' publish to usense/command/info"):
            await asker.ask("info")


@pytest.mark.parametrize(
    ("payload", "value"), [(b"online", "online"), (b'{"a": 1}', {"a": 1}), (b"\xff\xd8", None), (b"[" * 100_000, None)]
)
def test_payloads_are_json_text_or_neither(payload: bytes, value: object) -> None:
    """Pictures are passed over; what cannot be parsed is text."""
    found = parsed(payload)
    assert found == value or (isinstance(found, str) and value is None)
