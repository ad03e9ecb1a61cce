"""Last name: whom a camera last recognized."""

from __future__ import annotations

from uSense.entities.discovery.base import UNKNOWN, Entity, Place, Site


def last_name(camera: Place, site: Site) -> Entity:
    """A name; unknown until there was one."""
    options = {
        "state_topic": site.topics.of(f"camera/{camera.key}/people"),
        "value_template": f"{{{{ value_json.last_name or '{UNKNOWN}' }}}}",
        "icon": "mdi:account",
    }
    return Entity("sensor", "last_name", "Last name", options)
