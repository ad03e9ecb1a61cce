"""Threshold: the least score that names a person."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site


def threshold(_: Place, site: Site) -> Entity | None:
    """A number that shows what `settings` echoes."""
    if not site.takes("settings/set"):
        return None
    options = {
        "state_topic": site.topics.of("settings"),
        "value_template": "{{ value_json.threshold }}",
        "command_topic": site.command("settings/set"),
        "command_template": '{"threshold": {{ value }}}',
        "min": site.least_threshold,
        "max": 1,
        "step": 0.01,
        "mode": "box",
        "entity_category": "config",
        "icon": "mdi:tune",
    }
    return Entity("number", "threshold", "Threshold", options)
