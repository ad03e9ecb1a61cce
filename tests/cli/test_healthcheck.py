"""What makes a service ill for a supervisor."""

from __future__ import annotations

from typing import Any

import pytest

from uSense.cli.healthcheck import judged

HOT, LOST = {"protection": "hot, 78 °C"}, {"camera hall": "away"}


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        ({"state": "ok", "problems": {}}, None),
        ({"state": "degraded", "problems": HOT, "reason": "protection: hot, 78 °C"}, None),
        ({"state": "degraded", "problems": LOST, "reason": "camera hall: away"}, "degraded: camera hall: away"),
        ({"state": "degraded", "problems": HOT | LOST, "reason": "both"}, "degraded: both"),
        ({"state": "degraded", "reason": "of an older service"}, "degraded: of an older service"),
    ],
)
def test_a_machine_that_is_spared_is_well(health: dict[str, Any], reason: str | None) -> None:
    """To start the service anew would cool nothing; whatever else is wrong counts."""
    assert judged(health, {}, 0.0) == reason
