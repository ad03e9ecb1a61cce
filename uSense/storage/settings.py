"""What is kept of people."""

from __future__ import annotations

from uSense.schema import Branch


class GallerySettings(Branch):
    """What is kept of people beside their templates."""

    keep_crops: bool = True
    """Keep enrolled faces as pictures, encrypted: another embedder then needs no new photos. See docs/keeping.md."""
