"""Recognition: every decided track at the moment of decision, and never again."""

from __future__ import annotations

from uSense.core.events import SightingType
from uSense.entities.discovery.base import Entity, Place, Site, mapping

_TOLD = (
    "person_id", "visitor_id", "camera", "confidence", "assurance", "captured_at", "expires_at", "age_ms", "event_id",
    "replaces",
)  # fmt: skip
"""What becomes attributes, beside `person`: Home Assistant keeps the key `name` for itself."""


def recognition(_: Place, site: Site) -> Entity:
    """An event on `identity/live`: what is queued or repeated must not look new."""
    fields = {key: f"value_json.get('{key}')" for key in _TOLD}
    told = mapping(event_type="value_json.type", person="value_json.name", **fields)
    options = {
        "state_topic": site.topics.live,
        "event_types": [str(kind) for kind in SightingType],
        "value_template": f"{{{{ {told} | to_json }}}}",
        "icon": "mdi:face-recognition",
    }
    return Entity("event", "recognition", "Recognition", options)
