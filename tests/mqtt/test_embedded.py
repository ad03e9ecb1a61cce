"""The embedded broker: a real mosquitto that gets in whom it should, comes back, and says why when it cannot run."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import psutil
import pytest
from pydantic import SecretStr, ValidationError

from tests.support import needs
from tests.support.mqtt import connected, make, running
from tests.support.ports import free_port
from tests.support.waiting import until
from uSense import leash
from uSense.core.errors import SettingsError, StorageError
from uSense.core.events import State
from uSense.mqtt import MqttSettings, login
from uSense.mqtt import embedded as module
from uSense.mqtt.embedded import EmbeddedBroker, embedded, reached


@pytest.fixture(autouse=True)
def installed() -> None:
    """There is a mosquitto."""
    needs.program("mosquitto", "mosquitto")


@pytest.fixture
def settings() -> MqttSettings:
    """An embedded broker on a free port."""
    return MqttSettings(embedded=True, port=free_port())


@asynccontextmanager
async def kept(settings: MqttSettings, folder: Path) -> AsyncIterator[EmbeddedBroker]:
    """The broker and the task that starts it again."""
    async with embedded(settings, folder) as broker, asyncio.TaskGroup() as group:
        keeper = group.create_task(broker.keep())
        yield broker
        keeper.cancel()


def process(broker: EmbeddedBroker) -> psutil.Process:
    """The broker's process."""
    assert broker._process is not None
    return psutil.Process(broker._process.pid)


async def test_usense_gets_in_with_the_generated_password(tmp_path: Path, settings: MqttSettings) -> None:
    """And the same one after a restart, which keeps the retained topics; nobody gets in without one."""
    for _ in range(2):
        async with kept(settings, tmp_path):
            own = await asyncio.to_thread(reached, settings, tmp_path)
            mqtt = make(own)
            mqtt.post(State("people", []))
            async with running(mqtt):
                await connected(mqtt)
            with pytest.raises(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", settings.effective_port):
                    pass
    assert (tmp_path / login.FOLDER / "mosquitto.db").exists()


async def test_others_may_listen_and_command_but_not_speak_for_usense(tmp_path: Path, settings: MqttSettings) -> None:
    """The guest hears identities and gives commands; what it says in uSense's name goes nowhere."""
    async with kept(settings, tmp_path):
        known = await asyncio.to_thread(login.passwords, tmp_path)
        usense, guest = (
            aiomqtt.Client("127.0.0.1", settings.effective_port, username=user, password=known[user])
            for user in (login.SERVICE, login.GUEST)
        )
        async with usense, guest:
            await usense.subscribe("usense/#", qos=1)
            await guest.subscribe("usense/identity", qos=1)
            await guest.publish("usense/identity", "lie", qos=1)
            await guest.publish("usense/command/info", "{}", qos=1)
            first = await anext(usense.messages)
            await usense.publish("usense/identity", "Anna", qos=1)
            heard = await anext(guest.messages)
    assert first.topic.value == "usense/command/info"
    assert heard.payload == b"Anna"


async def test_a_broker_that_dies_comes_back(tmp_path: Path, settings: MqttSettings) -> None:
    """It is a problem for as long as it is away."""
    async with kept(settings, tmp_path) as broker:
        first = process(broker)
        first.kill()
        await until(lambda: broker.problem)
        assert broker.problem is not None
        assert "mosquitto ended with code -9" in broker.problem
        await until(lambda: not broker.problem)
        assert process(broker).pid != first.pid
        async with running(make(await asyncio.to_thread(reached, settings, tmp_path))) as mqtt:
            await connected(mqtt)


async def test_it_ends_with_the_service(tmp_path: Path, settings: MqttSettings) -> None:
    """Also if it does not obey."""
    async with kept(settings, tmp_path) as broker:
        child = process(broker)
        child.suspend()
    assert not child.is_running()


async def test_all_its_files_are_private(tmp_path: Path, settings: MqttSettings) -> None:
    """Nobody else on the machine reads a password."""
    async with kept(settings, tmp_path):
        folder = tmp_path / login.FOLDER
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


async def test_a_taken_port_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is mostly the reason, and three ways out."""
    monkeypatch.setattr(module, "PAUSE", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            SettingsError, match=rf"cannot listen at 127.0.0.1:{port}: Address already in use.*mqtt.port"
        ):
            async with embedded(MqttSettings(embedded=True, port=port), tmp_path):
                pass


async def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    """In mosquitto's own words."""
    settings = MqttSettings(embedded=True, embedded_listen="192.0.2.1", port=free_port())
    with pytest.raises(SettingsError, match=r"does not start at 192\.0\.2\.1:\d+; mosquitto said: .*Cannot assign"):
        async with embedded(settings, tmp_path):
            pass


async def test_a_missing_mosquitto_is_told(
    tmp_path: Path, settings: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setattr(leash, "SYSTEM_FOLDERS", "")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SettingsError, match="apt install mosquitto"):
        async with embedded(settings, tmp_path):
            pass


async def test_damaged_logins_are_told(tmp_path: Path, settings: MqttSettings) -> None:
    """They are not replaced in silence: others know the old ones."""
    (tmp_path / login.FOLDER).mkdir()
    (tmp_path / login.FOLDER / login.LOGIN).write_text("{")
    with pytest.raises(StorageError, match=r"login\.json cannot be read"):
        async with embedded(settings, tmp_path):
            pass


@pytest.mark.parametrize(
    "other",
    [
        {"host": "192.168.1.2"},
        {"username": "me"},
        {"password": SecretStr("x")},
        {"transport": "websockets"},
        {"tls": {"enabled": True}},
    ],
)
def test_another_broker_beside_it_is_refused(other: dict[str, Any]) -> None:
    """Which one is meant cannot be guessed."""
    with pytest.raises(ValidationError, match=f"leave out '{next(iter(other))}', or 'embedded'"):
        MqttSettings.model_validate({"embedded": True, **other})


@pytest.mark.parametrize(
    ("listen", "host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.2", "10.0.0.2")],  # noqa: S104 - nothing is bound here
)
def test_usense_finds_it_wherever_it_listens(tmp_path: Path, listen: str, host: str) -> None:
    """Where all addresses are listened at, the machine's own one is taken."""
    assert reached(MqttSettings(embedded=True, embedded_listen=listen), tmp_path).host == host


def test_the_address_must_be_one() -> None:
    """A name would have to be looked up."""
    with pytest.raises(ValidationError, match="must be an address such as"):
        MqttSettings(embedded_listen="lan")
