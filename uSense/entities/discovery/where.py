"""Where: the cameras that a person is in sight of."""

from __future__ import annotations

from uSense.entities.discovery.base import UNKNOWN, Entity, Place, Site

LONGEST = 255
"""Characters of a state in Home Assistant."""


def where(person: Place, site: Site) -> Entity:
    """Names of cameras; `not seen` without, and unknown while it cannot be told."""
    seen = f"(value_json.cameras | join(', '))[:{LONGEST}]"
    rest = f"'not seen' if value_json.state == 'absent' else '{UNKNOWN}'"
    options = {
        "state_topic": site.topics.of(f"presence/{person.key}"),
        "value_template": f"{{{{ {seen} if value_json.state == 'present' else {rest} }}}}",
        "icon": "mdi:map-marker-account",
    }
    return Entity("sensor", "where", "Where", options)
