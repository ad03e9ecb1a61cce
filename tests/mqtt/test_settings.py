"""What may be said about the broker."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from uSense.mqtt import MqttSettings
from uSense.mqtt.settings import TlsSettings


def test_the_defaults_reach_a_broker_on_this_machine() -> None:
    """Without any setting uSense talks MQTT to port 1883 of this machine, in the version that the broker knows."""
    settings = MqttSettings()

    assert settings.address == "127.0.0.1:1883"
    assert settings.protocol == "auto"
    assert settings.effective_name_topic == "usense/identity/name"


def test_the_port_follows_encryption() -> None:
    """With TLS the port is 8883, unless the settings name one."""
    tls = TlsSettings(enabled=True)

    assert MqttSettings(tls=tls).effective_port == 8883
    assert MqttSettings(tls=tls, port=1234).effective_port == 1234


@pytest.mark.parametrize(("given", "topic"), [(None, "home/identity/name"), ("door/who", "door/who"), ("", "")])
def test_the_topic_of_names_can_be_any_or_none(given: str | None, topic: str) -> None:
    """By default it lies below the prefix; an empty one switches it off."""
    assert MqttSettings(prefix="home", name_topic=given).effective_name_topic == topic


@pytest.mark.parametrize(("given", "version"), [(5, "5"), ("5", "5"), ("3.1.1", "3.1.1"), ("auto", "auto")])
def test_the_version_may_be_a_number(given: Any, version: str) -> None:
    """YAML reads `protocol: 5` as a number, which means the same."""
    assert MqttSettings(protocol=given).protocol == version


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""},
        {"port": 0},
        {"port": 65536},
        {"prefix": "a/#"},
        {"prefix": "$SYS"},
        {"prefix": "/usense"},
        {"prefix": ""},
        {"name_topic": "names/+"},
        {"protocol": "3.1"},
        {"protocol": True},
        {"transport": "udp"},
        {"keepalive": 1},
        {"timeout": 0},
        {"identity_lifetime": 0},
        {"max_payload": 1},
        {"pasword": "x"},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    """Values that cannot work are refused when the settings are read."""
    with pytest.raises(ValidationError):
        MqttSettings(**wrong)


def test_the_password_is_not_shown() -> None:
    """Neither text nor JSON of the settings shows the password."""
    settings = MqttSettings(password=SecretStr("hunter2"))

    assert "hunter2" not in f"{settings!r}{settings.model_dump_json()}"
