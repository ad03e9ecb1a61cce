"""The broker: `MqttSettings` say where it is, `Mqtt` talks to it."""

from uSense.mqtt.session import Mqtt
from uSense.mqtt.settings import MqttSettings

__all__ = ["Mqtt", "MqttSettings"]
