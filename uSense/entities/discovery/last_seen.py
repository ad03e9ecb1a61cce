"""Last seen: when a camera last saw somebody."""

from __future__ import annotations

from uSense.entities.discovery.base import NOTHING, Entity, Place, Site

_AT = f"{{% if value_json.last_at %}}{{{{ value_json.last_at }}}}{{% else %}}{NOTHING}{{% endif %}}"
"""Up to 2024 Home Assistant complains of a time that is null."""


def last_seen(camera: Place, site: Site) -> Entity:
    """A time; unknown until there was somebody."""
    options = {
        "state_topic": site.topics.of(f"camera/{camera.key}/people"),
        "value_template": _AT,
        "device_class": "timestamp",
    }
    return Entity("sensor", "last_seen", "Last seen", options)
