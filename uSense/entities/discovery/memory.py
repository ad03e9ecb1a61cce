"""Memory that uSense uses."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site


def memory(_: Place, site: Site) -> Entity:
    """Megabytes from `health`."""
    options = {
        "state_topic": site.topics.of("health"),
        "value_template": "{{ value_json.memory_mb }}",
        "device_class": "data_size",
        "unit_of_measurement": "MB",
        "state_class": "measurement",
        "entity_category": "diagnostic",
    }
    return Entity("sensor", "memory", "Memory", options)
