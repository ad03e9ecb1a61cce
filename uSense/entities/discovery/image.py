"""Image: the face that a camera last saw decided."""

from __future__ import annotations

from uSense.entities.discovery.base import Entity, Place, Site


def image(camera: Place, site: Site) -> Entity | None:
    """A picture, if `mqtt.snapshots` sends any."""
    if not site.snapshots:
        return None
    options = {"image_topic": site.topics.of(f"camera/{camera.key}/snapshot"), "content_type": "image/jpeg"}
    return Entity("image", "image", "Face", options)
