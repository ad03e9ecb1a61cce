"""Unknown people: which of them are told."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site


def strangers(_: Place, site: Site) -> Entity | None:
    """A choice that shows what `settings` echoes."""
    if not site.takes("settings/set"):
        return None
    options = {
        "state_topic": site.topics.of("settings"),
        "value_template": "{{ value_json.get('unknown') }}",
        "command_topic": site.command("settings/set"),
        "command_template": '{"unknown": "{{ value }}"}',
        "options": ["all", "visitors", "nobody"],
        "entity_category": "config",
        "icon": "mdi:account-question",
    }
    return Entity("select", "unknown", "Unknown people", options)
