"""People: how many are in sight of a camera now, known or not."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site, attributes


def people(camera: Place, site: Site) -> Entity:
    """A number, with the names as attribute."""
    topic = site.topics.of(f"camera/{camera.key}/people")
    options = {
        "state_topic": topic,
        "value_template": "{{ value_json.count }}",
        "state_class": "measurement",
        "icon": "mdi:account-group",
        **attributes(topic, people="value_json.names", unknown="value_json.unknown"),
    }
    return Entity("sensor", "people", "People", options)
