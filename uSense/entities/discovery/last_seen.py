"""Last seen: when a camera last saw somebody."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site


def last_seen(camera: Place, site: Site) -> Entity:
    """A time; unknown until there was somebody."""
    options = {
        "state_topic": site.topics.of(f"camera/{camera.key}/people"),
        "value_template": "{{ value_json.last_at }}",
        "device_class": "timestamp",
    }
    return Entity("sensor", "last_seen", "Last seen", options)
