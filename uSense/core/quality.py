"""How usable a face is, from its pixels and landmarks; and what is too bad to be looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRules:
    """The gate before a face is compared with anybody."""

    min_size: float = 40.0
    """Smallest face height in pixels of the camera's picture."""
    min_value: float = 0.15
    """Lowest overall quality, 0 to 1."""
