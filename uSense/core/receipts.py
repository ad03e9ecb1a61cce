"""What is told of an erasure, at once or, by another process, late."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from uSense.core.models import Erasure

ELSEWHERE = "copies outside of the data folder; restoring one here leaves this person out"
"""What no erasure reaches."""


def erasure_data(erasure: Erasure) -> dict[str, Any]:
    """The receipt of an erasure as JSON: what was erased where, and what could not be."""
    where = asdict(erasure)
    left, clouds = [*where.pop("left"), ELSEWHERE], where.pop("elsewhere")
    if clouds:
        where["elsewhere"] = clouds
    return {"erased": where, "left": left}
