"""People in the house: how many of those who are known are in sight of any camera, and who."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site, attributes


def house(_: Place, site: Site) -> Entity:
    """A number, with the names as attribute."""
    topic = site.topics.of("house")
    options = {
        "state_topic": topic,
        "value_template": "{{ value_json.names | count }}",
        "state_class": "measurement",
        "icon": "mdi:home-account",
        **attributes(
            topic,
            people="value_json.names",
            person_ids="value_json.person_ids",
            unknown="value_json.unknown",
            uncertain="value_json.get('uncertain')",
        ),
    }
    return Entity("sensor", "house", "People in the house", options)
