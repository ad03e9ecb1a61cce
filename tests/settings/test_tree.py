"""Rules between branches."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from uSense.core.presence import PresenceRules
from uSense.mqtt import MqttSettings
from uSense.mqtt.settings import DiscoverySettings
from uSense.settings.tree import Settings


@pytest.mark.parametrize("prefix", ["home", "home/ha"])
def test_discovery_stays_out_of_our_own_topics(prefix: str) -> None:
    """What is announced there would be taken for something uSense tells."""
    with pytest.raises(ValidationError, match=r"must lie outside of mqtt\.prefix"):
        Settings(mqtt=MqttSettings(prefix="home"), discovery=DiscoverySettings(prefix=prefix))


@pytest.mark.parametrize("prefix", ["homeassistant", "ha/home"])
def test_discovery_may_be_beside_or_above(prefix: str) -> None:
    """A prefix that only begins with the same letters is another one."""
    settings = Settings(mqtt=MqttSettings(prefix="home"), discovery=DiscoverySettings(prefix=prefix))

    assert settings.discovery.prefix == prefix


def test_rooms_are_no_topics_of_ours() -> None:
    """What is told of rooms must not look like something else that uSense tells; `""` is no topic at all."""
    with pytest.raises(ValidationError, match=r"must lie outside of mqtt\.prefix"):
        Settings(presence=PresenceRules(room_topic="usense/presence"))
    assert Settings(presence=PresenceRules(room_topic="room_presence")).presence.room_topic == "room_presence"
