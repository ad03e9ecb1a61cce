"""`usense broker`: for whom there is an embedded one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from uSense.mqtt import MqttSettings, login


def settings(folder: Path, **mqtt: object) -> None:
    """Write a settings file with an embedded broker that ran once."""
    own = {"embedded": True, **mqtt}
    (folder / "usense.yaml").write_text(json.dumps({"data_dir": str(folder / "data"), "mqtt": own}), "utf-8")
    (folder / "data").mkdir()
    login.write(MqttSettings.model_validate(own), folder / "data")


def test_people_get_a_command_to_copy(terminal: Terminal, tmp_path: Path) -> None:
    """Host, port, user and password, and how to open it to the network; the service's own password stays secret."""
    settings(tmp_path, port=1999)
    known = login.passwords(tmp_path / "data")
    outcome = terminal.run("broker")
    assert outcome.code == 0
    assert f"mosquitto_sub -h 127.0.0.1 -p 1999 -u house -P {known['house']} -t 'usense/#'" in outcome.out
    assert "embedded_listen: 0.0.0.0" in outcome.out
    assert known["usense"] not in outcome.out


@pytest.mark.parametrize("listen", ["0.0.0.0", "::"])  # noqa: S104 - nothing is bound here
def test_the_addresses_of_the_machine_are_shown(terminal: Terminal, tmp_path: Path, listen: str) -> None:
    """Where the broker listens at all of them, those that others can reach."""
    settings(tmp_path, embedded_listen=listen)
    told = json.loads(terminal.run("broker", "--json").out)
    assert told["hosts"]
    assert not {"127.0.0.1", "::1", listen} & set(told["hosts"])


def test_a_broker_of_the_house_is_not_ours(terminal: Terminal) -> None:
    """Its passwords are not known here."""
    outcome = terminal.run("broker")
    assert (outcome.code, outcome.out) == (2, "")
    assert "mqtt.embedded is not set: uSense uses the broker at 127.0.0.1:1883" in outcome.err
