"""Problem: whether something is wrong with uSense, and in plain words what."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site, attributes


def problem(_: Place, site: Site) -> Entity:
    """On while `health` says degraded."""
    topic = site.topics.of("health")
    options = {
        "state_topic": topic,
        "value_template": "{{ 'OFF' if value_json.state == 'ok' else 'ON' }}",
        "device_class": "problem",
        "entity_category": "diagnostic",
        **attributes(topic, reason="value_json.reason"),
    }
    return Entity("binary_sensor", "problem", "Problem", options)
