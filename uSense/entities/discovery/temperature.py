"""Temperature of the processor; unknown where the machine does not tell."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site


def temperature(_: Place, site: Site) -> Entity:
    """Degrees Celsius from `health`."""
    options = {
        "state_topic": site.topics.of("health"),
        "value_template": "{{ value_json.temperature_c }}",
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_class": "measurement",
        "entity_category": "diagnostic",
    }
    return Entity("sensor", "temperature", "Temperature", options)
