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
        {"name_topic": "usense/command/train"},
        {"name_topic": "usense/identity"},
        {"websocket_path": "mqtt"},
        {"websocket_path": "/a b"},
        {"tls": {"ca": "ca.pem"}},
        {"tls": {"enabled": False, "insecure": True}},
        {"tls": {"enabled": True, "key": "client.key"}},
        {"pasword": "x"},
        {"prefix": "a\nb"},
        {"name_topic": "a\tb"},
        {"client_id": "a\0"},
        {"username": "anna\n"},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    """Values that cannot work are refused when the settings are read."""
    with pytest.raises(ValidationError):
        MqttSettings(**wrong)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("mqtt://broker", "mqtt.port and mqtt.tls.enabled say the rest"),
        ("mqtts://broker:8883", "mqtt.port and mqtt.tls.enabled say the rest"),
        ("broker:1883", "the port is a setting of its own, mqtt.port"),
        ("192.168.1.10:1883", "the port is a setting of its own, mqtt.port"),
        ("[fe80::1]:1883", "the port is a setting of its own, mqtt.port"),
        ("[fe80::1]", "without brackets"),
        ("anna:secret@broker", "mqtt.username and mqtt.password"),
        ("broker/mqtt", "mqtt.websocket_path"),
        ("my broker", "without spaces"),
        (" broker", "without spaces"),
        ("“broker”", "without signs like quotes"),
        ("", "must not be empty"),
        ("a..b", "the name or the address of a host"),
        ("a:b:c", "the name or the address of a host"),
        ("x" * 64, "the name or the address of a host"),
    ],
)
def test_the_host_is_a_host_alone(host: str, words: str) -> None:
    """What is an address, or no host at all, is refused with the setting where the rest belongs."""
    with pytest.raises(ValidationError, match=words):
        MqttSettings(host=host)


@pytest.mark.parametrize("host", ["broker", "broker.local.", "10.0.0.1", "::1", "fe80::1%eth0", "küche.lan", "my_host"])
def test_hosts_are_taken(host: str) -> None:
    """Names and addresses of both versions are left as they are."""
    assert MqttSettings(host=host).host == host


@pytest.mark.parametrize("topic", ["usense/who", "usense/identity/name", "usensex/status", "a/usense/status"])
def test_topics_beside_those_of_usense(topic: str) -> None:
    """Names may be told on any topic on which nothing else is told."""
    assert MqttSettings(name_topic=topic).effective_name_topic == topic


def test_the_password_is_not_shown() -> None:
    """Neither text nor JSON of the settings shows the password."""
    settings = MqttSettings(password=SecretStr("hunter2"))

    assert "hunter2" not in f"{settings!r}{settings.model_dump_json()}"
