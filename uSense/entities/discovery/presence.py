"""Presence: whether a person is in sight of any camera; not seen is not away."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site, attributes


def presence(person: Place, site: Site) -> Entity:
    """On, off, or unknown while the cameras that could tell are lost."""
    topic = site.topics.of(f"presence/{person.key}")
    options = {
        "state_topic": topic,
        "value_template": "{{ {'present': 'ON', 'absent': 'OFF'}.get(value_json.state, 'None') }}",
        "device_class": "occupancy",
        **attributes(
            topic,
            person="value_json.name",
            person_id="value_json.person_id",
            cameras="value_json.cameras",
            since="value_json.since",
        ),
    }
    return Entity("binary_sensor", "presence", "Presence", options)
