"""`usense wait` beside a service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.peers.mosquitto import Mosquitto
from tests.peers.witness import publish
from uSense.cli import waiting
from uSense.mqtt import MqttSettings
from uSense.mqtt.asker import asking
from uSense.settings import Settings


async def test_a_service_that_starts_again_is_waited_for(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nobody answers nobody is in sight, and who is told afterwards counts."""
    monkeypatch.setattr(waiting, "AGAIN", 0.2)
    settings = Settings(data_dir=tmp_path, mqtt=MqttSettings(port=mosquitto.port))
    told = dict.fromkeys(waiting.KEYS, "") | {"name": "Grace", "person_id": "1"}
    async with asking(settings.mqtt, "usense/people", "usense/identity") as asker:
        await publish(mosquitto.port, "usense/identity", json.dumps(told))
        found = await waiting._listen(asker, settings, "grace", new=False)

    assert found == told
