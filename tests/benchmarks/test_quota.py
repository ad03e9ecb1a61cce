"""The real limiter before a sliding window, in simulated time: all that is allowed, and not a call more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import quota
from benchmarks.measures.azure import most_in_a_window, usense
from uSense.core.quota import F0, S0, Tier

DAY = 86_400.0


@pytest.mark.proof
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_bounds_are_kept_in_short(seed: int) -> None:
    """All callers of the benchmark, for shorter times: hardly a call is left, none is refused."""
    rows = quota.measure(quick=True, seed=seed)

    assert quota.failures(rows) == []
    assert any(row.outcome.refused for row in rows if row.caller == quota.SERIAL)


@pytest.mark.proof
@pytest.mark.timeout(180)
def test_a_month_of_the_free_tier_is_used_up() -> None:
    """Thirty days with somebody new at any time take at least 97 of 100 calls of the 30,000, and none is refused."""
    outcome = usense(F0, 30 * DAY, batch=10)

    assert 0.97 * 30_000 <= outcome.calls <= 30_000
    assert outcome.refused == 0


@pytest.mark.parametrize(
    ("tier", "real"), [(quota.F0_RATE, Tier(12, 60.0)), (quota.F0_RATE, Tier(3, 10.0)), (S0, Tier(5, 1.0))]
)
def test_a_stricter_service_is_found_out(tier: Tier, real: Tier) -> None:
    """Users were limited below their tier: then few calls are refused, and most of those that are allowed are made."""
    outcome = usense(tier, 600 * tier.seconds / 10, batch=1, stricter=real)

    assert outcome.refused < 0.04 * outcome.calls
    assert outcome.used > 0.6


def test_new_faces_are_named_soon() -> None:
    """At S0, with not quite eight new faces a second, 95 of 100 wait for two seconds at most."""
    assert quota.slowest(seed=3) <= quota.MOST_WAIT


def test_broken_bounds_are_told() -> None:
    """Calls left unused, too many calls and a long wait are named; ratios are told beside the serial loop."""
    outcome = usense(S0, 60.0, batch=1)
    rows = [quota.Row(tier, "uSense", 10, outcome, least=1.1) for tier in ("S0", "F0 rate")]
    rows += [replace(row, batch=1) for row in rows]
    serial = [replace(row, caller=quota.SERIAL) for row in rows[2:]]

    assert len(quota.failures(rows[:1], wait=3.0)) == 3
    assert "1.0 x the people a minute" in quota.table(rows + serial)


def test_windows_are_counted_as_the_service_does() -> None:
    """A call that comes a whole window later is not in it."""
    assert most_in_a_window([0.0, 0.5, 0.99, 1.0, 1.2], Tier(10, 1.0)) == 4
    assert most_in_a_window([], S0) == 0
