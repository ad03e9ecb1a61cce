"""uSense tells the house who is there: face identity over MQTT."""

__version__ = "0.1.0"
